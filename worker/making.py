"""The making of one image: submit asks a provider for it, collect fetches what it made.

    QUEUED --submit--> RUNNING --collect--> SAVING --save--> SUCCEEDED

Every step reads where the generation stands and does what comes next, so that a job that runs
twice, or goes on after a crash, changes nothing that is done. A call is committed before it is made;
one whose answer was lost is settled with the provider before anything is asked for again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from db.attempts import begin_call, close_call, known_predictions, record_prediction
from db.changes import (
    Change,
    Changed,
    FencedError,
    apply_change,
    change_or_undo,
    failure,
    internal_error,
)
from db.jobs import Job, enqueue
from engine.seams import (
    Call,
    HeldBackError,
    NotTakenError,
    Prediction,
    PredictionState,
    Provider,
    ProviderError,
    StorageError,
    UnknownError,
)
from engine.words import GenerationErrorCode, GenerationStatus
from worker.saving import keep_outputs, save
from worker.workshop import Later, Task, Work, Workshop, load_work

__all__ = ["change_now", "collect", "submit"]

logger = structlog.get_logger()
WAITING = frozenset({GenerationStatus.QUEUED, GenerationStatus.THROTTLED})
MOST_MISSES = 5
MOST_TRIES = 5
SETTLE_LOOK = 3.0
"""Seconds between two looks at the provider's list."""
GIVE_UP_SETTLING = 600.0
PATIENCE = 3300.0
"""Seconds after a call for which its outputs are fetched and stored again: providers keep them an hour."""
PATIENT_WAIT = 5.0


async def submit(shop: Workshop, task: Task) -> None:
    """Asks the provider, or goes on from wherever an earlier job of this round was cut off."""
    async with shop.database.worker_session() as session:
        work = await load_work(session, task)
    if work is None:
        return
    async with _failing(shop, work):
        await _next_step(shop, work, task)


async def collect(shop: Workshop, task: Task) -> None:
    """Asks how the run stands: not done is later, done is kept and saved."""
    async with shop.database.worker_session() as session:
        work = await load_work(session, task)
    if work is None:
        return
    async with _failing(shop, work):
        if work.prediction_id is not None:
            await _look(shop, work, task)
        elif work.open_call is not None and work.status is GenerationStatus.RUNNING:
            await _settle(shop, work, work.open_call, task)


async def change_now(shop: Workshop, work: Work, change: Change) -> Changed | None:
    """One change in a transaction of its own, and the hint after it."""
    async with shop.database.worker_session() as session:
        changed = await apply_change(session, work.id, change)
    if changed:
        shop.hints.tell(changed.topic)
        if change.error and change.status is GenerationStatus.FAILED:
            code = change.error.code.value
            logger.info("generation_failed", generation=str(work.id), code=code)
    return changed


@asynccontextmanager
async def _failing(shop: Workshop, work: Work) -> AsyncIterator[None]:
    """What is said for good ends the generation; who is away costs it time, as long as that helps."""
    try:
        yield
    except StorageError as error:
        away = ProviderError(GenerationErrorCode.STORAGE_FAILED, str(error), retryable=True)
        await _be_patient(shop, work, away)
    except NotTakenError as error:
        await change_now(shop, work, failure(error))
    except ProviderError as error:
        if error.code is GenerationErrorCode.PROVIDER_UNAVAILABLE:
            await _be_patient(shop, work, error)
        else:
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
        await _again(shop, work, task, Job.COLLECT, 0)
    elif work.cancel_asked and work.status in (*WAITING, GenerationStatus.RUNNING):
        await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
    elif work.paused and work.status is GenerationStatus.QUEUED:
        async with shop.database.worker_session() as session:
            await session.rows("put_back_generation", work.id)
    elif work.status in (*WAITING, GenerationStatus.RUNNING):
        await _ask(shop, work, task)


async def _ask(shop: Workshop, work: Work, task: Task) -> None:
    provider = shop.provider_of(work.model)
    prepared = await _prepared(shop, work, provider, task)
    with suppress(FencedError):
        call = await _commit_intent(shop, work, provider, prepared)
        await _make_call(shop, work, provider, call, task)


async def _commit_intent(shop: Workshop, work: Work, provider: Provider, prepared: Mapping[str, Any]) -> Call:
    """Raises FencedError where another job was first. The batch's row is locked last, so not for long."""
    async with shop.database.worker_session() as session:
        call = await begin_call(
            session,
            work.id,
            work.round,
            provider=provider.name,
            model=work.model,
            prepared=prepared,
        )
        asking = Change(status=GenerationStatus.RUNNING, attempts=1)
        changed = await change_or_undo(session, work.id, asking)
    shop.hints.tell(changed.topic)
    return call


async def _prepared(shop: Workshop, work: Work, provider: Provider, task: Task) -> Mapping[str, Any]:
    """A provider that is away before anything was asked for is tried a few times."""
    try:
        return await provider.prepare(work.run(task.turn))
    except ProviderError as error:
        async with shop.database.worker_session() as session:
            faults = await session.value("count_fault", work.id)
        if not error.retryable or faults is None or faults > MOST_TRIES:
            raise NotTakenError(error.code, error.message, retryable=error.retryable) from error
        raise Later(float(2**faults)) from None


async def _make_call(shop: Workshop, work: Work, provider: Provider, call: Call, task: Task) -> None:
    try:
        _refuse_if_stale(shop, call)
        prediction = await provider.submit(call)
    except HeldBackError as error:
        await _hold_back(shop, work, call, error, task)
    except NotTakenError as error:
        await _miss(shop, work, call, "not_taken", error, task)
    except UnknownError:
        logger.warning("answer_lost", generation=str(work.id), call=str(call.id))
        await _again(shop, work, task, Job.COLLECT, SETTLE_LOOK)
    else:
        await _adopt(shop, work, call, prediction, task)


def _refuse_if_stale(shop: Workshop, call: Call) -> None:
    """A process that was stopped here for long must not call: others may have settled the call by now."""
    if (datetime.now(UTC) - call.began).total_seconds() > shop.settle_seconds / 4:
        raise NotTakenError(
            GenerationErrorCode.PROVIDER_UNAVAILABLE, "The call was not made in time.", retryable=True
        )


async def _adopt(shop: Workshop, work: Work, call: Call, prediction: Prediction, task: Task) -> None:
    """Records whose run it is, and goes on at once with what is done at once."""
    running = prediction.state is PredictionState.RUNNING
    made = prediction.state is PredictionState.SUCCEEDED
    changed = None
    async with shop.database.worker_session() as session:
        recorded = await record_prediction(session, call.id, prediction.id)
        if task.kind is not Job.COLLECT and (running or not recorded):
            wait = prediction.wait if recorded else SETTLE_LOOK
            await enqueue(session, Job.COLLECT, work.subject, turn=task.turn, delay=wait)
        if recorded and made:
            saving = Change(status=GenerationStatus.SAVING)
            changed = await apply_change(session, work.id, saving)
    if changed:
        shop.hints.tell(changed.topic)
        await _keep(shop, work, task, prediction)
    elif recorded and not running:
        await _go_on(shop, work, task, prediction)
    elif task.kind is Job.COLLECT:
        raise Later(prediction.wait if recorded else SETTLE_LOOK)


async def _settle(shop: Workshop, work: Work, call: Call, task: Task) -> None:
    """Finds out whether a call with a lost answer became a run, before anything is asked for again."""
    provider = shop.provider_of(work.model)
    async with shop.database.worker_session() as session:
        known = await known_predictions(session, provider.name, call.began)
    try:
        found = await provider.find(call, known)
    except ProviderError as error:
        if work.age > GIVE_UP_SETTLING:
            raise UnknownError from error
        raise Later(SETTLE_LOOK) from None
    if found:
        logger.info("run_adopted", generation=str(work.id), call=str(call.id))
        await _adopt(shop, work, call, found, task)
    elif provider.rated and work.age < shop.settle_seconds:
        raise Later(SETTLE_LOOK)
    else:
        await _miss(shop, work, call, "absent", _never_arrived(), task)


async def _miss(
    shop: Workshop, work: Work, call: Call, outcome: str, error: NotTakenError, task: Task
) -> None:
    """The call became no run: it is made again after a while, a few times."""
    last = not error.retryable or work.misses + 1 >= MOST_MISSES
    async with shop.database.worker_session() as session:
        closed = await close_call(session, call.id, outcome)
    if not closed:  # a webhook has told its run meanwhile
        await _again(shop, work, task, Job.COLLECT, 0)
    elif last:
        raise error
    else:
        await _wait_for_provider(shop, work, error, float(2**work.misses), task)


async def _hold_back(shop: Workshop, work: Work, call: Call, error: HeldBackError, task: Task) -> None:
    """Nothing failed: the call is made again when the provider wants it, by everybody."""
    async with shop.database.worker_session() as session:
        await close_call(session, call.id, "held_back")
        if error.for_all:
            provider = shop.provider_of(work.model).name
            await session.rows("hold_rate_back", provider, error.seconds)
    await _wait_for_provider(shop, work, error, error.seconds, task)


async def _wait_for_provider(
    shop: Workshop, work: Work, error: ProviderError, seconds: float, task: Task
) -> None:
    retry_at = datetime.now(UTC) + timedelta(seconds=seconds)
    throttled = Change(status=GenerationStatus.THROTTLED, error=error, retry_at=retry_at)
    await change_now(shop, work, throttled)
    await _again(shop, work, task, shop.submit_job(work.model), seconds)


async def _again(shop: Workshop, work: Work, task: Task, job: Job, seconds: float) -> None:
    """A job of this kind after so many seconds: this very one, or one beside it."""
    if task.kind is job:
        raise Later(seconds)
    async with shop.database.worker_session() as session:
        await enqueue(session, job, work.subject, turn=task.turn, delay=seconds)


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
    await _go_on(shop, work, task, prediction)


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


async def _go_on(shop: Workshop, work: Work, task: Task, prediction: Prediction) -> None:
    match prediction.state:
        case PredictionState.RUNNING:
            await _report_progress(shop, work, prediction)
            raise Later(prediction.wait)
        case PredictionState.FAILED:
            raise prediction.error or _unexplained()
        case PredictionState.CANCELED:
            await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
        case PredictionState.SUCCEEDED:
            await change_now(shop, work, Change(status=GenerationStatus.SAVING))
            await _keep(shop, work, task, prediction)


async def _keep(shop: Workshop, work: Work, task: Task, prediction: Prediction) -> None:
    outputs = await keep_outputs(shop, work, task, prediction.outputs)
    await save(shop, work, outputs)


async def _report_progress(shop: Workshop, work: Work, prediction: Prediction) -> None:
    if prediction.progress is not None and prediction.progress != work.progress:
        running = Change(status=GenerationStatus.RUNNING, progress=prediction.progress)
        await change_now(shop, work, running)


def _never_arrived() -> NotTakenError:
    return NotTakenError(
        GenerationErrorCode.PROVIDER_UNAVAILABLE, "The provider did not take the call.", retryable=True
    )


def _unexplained() -> ProviderError:
    return ProviderError(
        GenerationErrorCode.MODEL_FAILED, "The model failed without a reason.", retryable=True
    )
