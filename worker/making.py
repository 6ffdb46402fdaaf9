"""The making of one image: submit asks a provider for it, collect fetches what it made.

    QUEUED --submit--> RUNNING --collect--> SAVING --save--> SUCCEEDED

Every step reads where the generation stands and does what comes next, so that a job that runs twice,
or goes on after a crash, changes nothing that is done.
"""

from datetime import UTC, datetime
from uuid import UUID

import structlog

from db.changes import Change, Changed, apply_change, failure
from db.jobs import Job, enqueue
from engine.seams import Call, Prediction, PredictionState, ProviderError, Run
from engine.words import GenerationErrorCode, GenerationStatus
from worker.saving import keep_outputs, save
from worker.workshop import Later, Task, Work, Workshop, load_work

__all__ = ["change_now", "collect", "submit"]

logger = structlog.get_logger()
STARTABLE = frozenset({GenerationStatus.QUEUED, GenerationStatus.THROTTLED})
UNDER_WAY = frozenset({GenerationStatus.RUNNING, GenerationStatus.SAVING})


async def submit(shop: Workshop, task: Task) -> None:
    """Asks the provider, once the intent to ask is committed; collects at once what is done at once."""
    generation_id = UUID(task.subject)
    async with shop.database.worker_session() as session:
        work = await load_work(session, generation_id)
    if work is None:
        return None
    if work.status in UNDER_WAY and work.prediction_id is not None:
        return await collect(shop, task)
    if work.status not in STARTABLE and work.status is not GenerationStatus.RUNNING:
        return None
    try:
        await _ask(shop, work, task)
    except ProviderError as error:
        await change_now(shop, work.id, failure(error))
    return None


async def collect(shop: Workshop, task: Task) -> None:
    """Asks how the run stands: not done is later, done is kept and saved."""
    async with shop.database.worker_session() as session:
        work = await load_work(session, UUID(task.subject))
    if work is None or work.status not in UNDER_WAY:
        return
    if work.prediction_id is None:
        return
    run = work.run(task.turn)
    try:
        prediction = await shop.provider_of(work.model).fetch(work.prediction_id, run)
        await _go_on(shop, work, run, prediction)
    except ProviderError as error:
        await change_now(shop, work.id, failure(error))


async def change_now(shop: Workshop, generation_id: UUID, change: Change) -> Changed | None:
    """One change in a transaction of its own, and the hint after it."""
    async with shop.database.worker_session() as session:
        changed = await apply_change(session, generation_id, change)
    if changed:
        shop.hints.tell(changed.topic)
        if change.error:
            code = change.error.code.value
            logger.info("generation_failed", generation=str(generation_id), code=code)
    return changed


async def _ask(shop: Workshop, work: Work, task: Task) -> None:
    provider = shop.provider_of(work.model)
    run = work.run(task.turn)
    prepared = await provider.prepare(run)
    attempt_id = await _begin_attempt(shop, work, provider.name)
    if attempt_id is None:
        return
    call = Call(id=attempt_id, model=work.model, input=prepared, began=datetime.now(UTC))
    prediction = await provider.submit(call)
    done = prediction.state is not PredictionState.RUNNING
    async with shop.database.worker_session() as session:
        await session.rows("record_prediction", attempt_id, prediction.id)
        if not done:
            await enqueue(session, Job.COLLECT, str(work.id), turn=task.turn, delay=prediction.wait)
    if done:
        await _go_on(shop, work, run, prediction)


async def _begin_attempt(shop: Workshop, work: Work, provider: str) -> UUID | None:
    """The intent, committed before the call; None where another job was first."""
    async with shop.database.worker_session() as session:
        changed = await apply_change(session, work.id, Change(status=GenerationStatus.RUNNING, attempts=1))
        if changed is None:
            return None
        attempt_id: UUID = await session.value("insert_attempt", work.id, provider)
    shop.hints.tell(changed.topic)
    return attempt_id


async def _go_on(shop: Workshop, work: Work, run: Run, prediction: Prediction) -> None:
    match prediction.state:
        case PredictionState.RUNNING:
            raise Later(prediction.wait)
        case PredictionState.FAILED:
            await change_now(shop, work.id, failure(prediction.error or _unexplained()))
        case PredictionState.CANCELED:
            await change_now(shop, work.id, Change(status=GenerationStatus.CANCELED))
        case PredictionState.SUCCEEDED:
            await change_now(shop, work.id, Change(status=GenerationStatus.SAVING))
            outputs = await keep_outputs(shop, work, run, prediction.outputs)
            await save(shop, work, outputs)


def _unexplained() -> ProviderError:
    return ProviderError(
        GenerationErrorCode.MODEL_FAILED, "The model failed without a reason.", retryable=True
    )
