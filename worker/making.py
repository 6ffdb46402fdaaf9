"""The making of one image: submit asks a provider for it, collect fetches what it made.

    QUEUED --submit--> RUNNING --collect--> SAVING --save--> SUCCEEDED

Every step reads where the generation stands and does what comes next, so that a job that runs
twice, or goes on after a crash, changes nothing that is done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import structlog

from db.changes import Change, failure, internal_error
from engine.seams import (
    HeldBackError,
    NotTakenError,
    Prediction,
    PredictionState,
    Provider,
    ProviderError,
    StorageError,
)
from engine.words import GenerationErrorCode, GenerationStatus
from worker.asking import ask, look_for_run, make_ready, settle
from worker.saving import keep_outputs, save
from worker.work import Later, Task, Work
from worker.workshop import Workshop, begin_saving, change_now, load_work

__all__ = ["collect", "submit"]

logger = structlog.get_logger()
STARTABLE = frozenset({GenerationStatus.QUEUED, GenerationStatus.THROTTLED, GenerationStatus.RUNNING})
AWAY = frozenset({GenerationErrorCode.PROVIDER_UNAVAILABLE, GenerationErrorCode.PROVIDER_UNAUTHORIZED})
"""What says nothing of a run, only that the provider cannot be asked how it stands."""
MOST_TRIES = 5
PATIENCE = 3300.0
"""Seconds after a call for which its outputs are fetched and stored again: providers keep them an hour."""
PATIENT_WAIT = 5.0


async def submit(shop: Workshop, task: Task) -> None:
    """Asks the provider, or goes on from wherever an earlier job of this round was cut off."""
    async with _work_of(shop, task) as work:
        if work is not None:
            await _next_step(shop, work, task)


async def collect(shop: Workshop, task: Task) -> None:
    """Asks how the run stands: not done is later, done is kept and saved."""
    async with _work_of(shop, task) as work:
        if work is None:
            return
        if work.prediction_id is not None:
            await _look(shop, work, task)
        elif work.open_call is not None and work.status is GenerationStatus.RUNNING:
            await _end(shop, work, task, await settle(shop, work, work.open_call, task))


@asynccontextmanager
async def _work_of(shop: Workshop, task: Task) -> AsyncIterator[Work | None]:
    """What is said for good ends the generation; who is away costs it time, as long as that helps."""
    work = await load_work(shop, task)
    try:
        with shop.traces.step(task.kind.value, work.topic) if work else nullcontext():
            yield work
    except (StorageError, ProviderError) as error:
        if work is None:
            raise
        await _settle_error(shop, work, error)


async def _settle_error(shop: Workshop, work: Work, error: StorageError | ProviderError) -> None:
    match error:
        case StorageError():
            code = GenerationErrorCode.STORAGE_FAILED
            await _be_patient(shop, work, ProviderError(code, str(error), retryable=True))
        case HeldBackError():
            raise Later(error.seconds)
        case ProviderError() if error.code in AWAY and not isinstance(error, NotTakenError):
            await _be_patient(shop, work, error)
        case ProviderError():
            await change_now(shop, work, failure(error))


async def _be_patient(shop: Workshop, work: Work, error: ProviderError) -> None:
    if work.age > PATIENCE:
        await change_now(shop, work, failure(error))
        return
    logger.warning("image_waits", generation=str(work.id), code=error.code.value)
    async with shop.database.worker_session() as session:
        await session.rows("forget_faults", work.id)
    raise Later(PATIENT_WAIT)


async def _next_step(shop: Workshop, work: Work, task: Task) -> None:
    if work.prediction_id is not None:
        await _look(shop, work, task)
    elif work.open_call is not None and work.status is GenerationStatus.RUNNING:
        await look_for_run(shop, work, task)
    elif work.status not in STARTABLE:
        return
    elif work.cancel_asked:
        await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
    elif work.paused and work.status is GenerationStatus.QUEUED:
        async with shop.database.worker_session() as session:
            await session.rows("put_back_generation", work.id)
    else:
        work = await make_ready(shop, work)
        await _end(shop, work, task, await ask(shop, work, task))


async def _look(shop: Workshop, work: Work, task: Task) -> None:
    """How the run stands, and what comes next."""
    if work.status is GenerationStatus.THROTTLED:
        work = await _not_missed(shop, work)
    if work.status not in (GenerationStatus.RUNNING, GenerationStatus.SAVING):
        return
    assert work.prediction_id is not None  # noqa: S101 - both callers have looked
    if work.status is GenerationStatus.SAVING:
        await _refuse_poison(shop, work)
    provider = shop.provider_of(work.model)
    if await _stopped(shop, work, provider):
        return
    prediction = await provider.fetch(work.prediction_id, work.run(task.turn))
    if prediction.state is PredictionState.RUNNING:
        await _report_progress(shop, work, prediction)
        raise Later(prediction.wait)
    if prediction.state is PredictionState.SUCCEEDED:
        await begin_saving(shop, work)
    await _end(shop, work, task, prediction)


async def _not_missed(shop: Workshop, work: Work) -> Work:
    """Its call had been given up when a late webhook told of the run."""
    changed = await change_now(shop, work, Change(status=GenerationStatus.RUNNING))
    return replace(work, status=GenerationStatus.RUNNING) if changed else work


async def _refuse_poison(shop: Workshop, work: Work) -> None:
    """An image that never lets its job come back is given up after a few tries."""
    async with shop.database.worker_session() as session:
        tries = await session.value("count_saving", work.id)
    if tries is not None and tries > MOST_TRIES:
        raise internal_error()


async def _stopped(shop: Workshop, work: Work, provider: Provider) -> bool:
    """Stops what nobody wants any more, or what takes too long; whether that was its end."""
    if work.status is not GenerationStatus.RUNNING or work.prediction_id is None:
        return False
    late = work.age > shop.deadline * 1.5
    if not (work.cancel_asked or late):
        return False
    surely = await provider.cancel(work.prediction_id)
    if late:
        raise ProviderError(
            GenerationErrorCode.TIMED_OUT, "The model took longer than allowed.", retryable=True
        )
    if surely:
        await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
    return surely


async def _end(shop: Workshop, work: Work, task: Task, prediction: Prediction | None) -> None:
    """What a run has come to; None where it has not come to anything yet."""
    if prediction is None:
        return
    match prediction.state:
        case PredictionState.FAILED:
            raise prediction.error or _unexplained()
        case PredictionState.CANCELED:
            await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
        case PredictionState.SUCCEEDED:
            outputs = await keep_outputs(shop, work, task, prediction.outputs)
            await save(shop, work, outputs)


async def _report_progress(shop: Workshop, work: Work, prediction: Prediction) -> None:
    if prediction.progress is not None and prediction.progress != work.progress:
        running = Change(status=GenerationStatus.RUNNING, progress=prediction.progress)
        await change_now(shop, work, running)


def _unexplained() -> ProviderError:
    return ProviderError(
        GenerationErrorCode.MODEL_FAILED, "The model failed without a reason.", retryable=True
    )
