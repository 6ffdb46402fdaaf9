"""Asking a provider for a run: the intent first, then the call, then whose run it is.

A call whose answer was lost is settled with the provider before anything is asked for again. What
comes back is a run that has ended already and is recorded as this call's; None where there is more to
wait for, and a job that does.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from db.attempts import Intent, begin_calls, close_call, known_predictions, record_predictions
from db.changes import Change, apply_change
from db.jobs import Due, Job, enqueue, enqueue_each
from engine.seams import (
    Call,
    HeldBackError,
    NotTakenError,
    Prediction,
    PredictionState,
    Provider,
    ProviderError,
    UnknownError,
)
from engine.words import GenerationErrorCode, GenerationStatus
from worker.references import with_kept_reference
from worker.work import Later, Task, Work
from worker.workshop import Workshop, change_now

__all__ = ["ask", "look_for_run", "make_ready", "settle"]

T = TypeVar("T")
logger = structlog.get_logger()
MOST_MISSES = 5
SETTLE_LOOK = 3.0
"""Seconds between two looks at the provider's list."""
GIVE_UP_SETTLING = 600.0


async def make_ready(shop: Workshop, work: Work) -> Work:
    """The same work, its reference in storage. Raises ProviderError for what ends the generation."""
    return await _a_few_times(shop, work, with_kept_reference(shop, work))


async def ask(shop: Workshop, work: Work, task: Task) -> Prediction | None:
    """Raises ProviderError for what ends the generation."""
    provider = shop.provider_of(work.model)
    prepared = await _a_few_times(shop, work, provider.prepare(work.run(task.turn)))
    intent = Intent(
        generation_id=work.id,
        round=work.round,
        provider=provider.name,
        model=work.model,
        input=prepared,
        # What a lost answer of a provider that lists its runs is found by; it may be large.
        kept=prepared if provider.rated else {},
    )
    call = await shop.together(_commit_intents, (work.topic, provider.name), intent)
    return await _make_call(shop, work, provider, call, task) if call else None


async def look_for_run(shop: Workshop, work: Work, task: Task) -> None:
    """Leaves a call with a lost answer to collect, which needs no permit to look for its run."""
    await _again(shop, work, task, Job.COLLECT, 0)


async def settle(shop: Workshop, work: Work, call: Call, task: Task) -> Prediction | None:
    """Finds out whether a call with a lost answer became a run. Raises ProviderError for the end."""
    provider = shop.provider_of(work.model)
    if not provider.rated:
        # A run that nobody waits for is lost, and costs nothing.
        await _miss(shop, work, call, "absent", _never_arrived(), task)
        return None
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
        return await _adopt(shop, work, call, found, task)
    if work.age < shop.settle_seconds:
        raise Later(SETTLE_LOOK)
    await _miss(shop, work, call, "absent", _never_arrived(), task)
    return None


async def _commit_intents(shop: Workshop, intents: Sequence[Intent]) -> list[Call | None]:
    """None where another job was first, or the run of a call that was taken for lost is known by now."""
    asking = Change(status=GenerationStatus.RUNNING, attempts=1)
    async with shop.database.worker_session() as session:
        changed = await apply_change(session, [intent.generation_id for intent in intents], asking)
        if changed is None:
            return [None] * len(intents)
        mine = [intent for intent in intents if intent.generation_id in changed.ids]
        calls = await begin_calls(session, mine)
    shop.hints.tell(*changed.topics)
    return [calls.get(intent.generation_id) for intent in intents]


async def _a_few_times(shop: Workshop, work: Work, preparing: Awaitable[T]) -> T:
    """Whoever is away before anything was asked for is tried a few times."""
    try:
        return await preparing
    except HeldBackError as error:
        raise Later(error.seconds) from None
    except ProviderError as error:
        async with shop.database.worker_session() as session:
            faults = await session.value("count_fault", work.id)
        if not error.retryable or faults is None or faults > MOST_MISSES:
            raise NotTakenError(error.code, error.message, retryable=error.retryable) from error
        raise Later(float(2**faults)) from None


async def _make_call(
    shop: Workshop, work: Work, provider: Provider, call: Call, task: Task
) -> Prediction | None:
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
        return await _adopt(shop, work, call, prediction, task)
    return None


def _refuse_if_stale(shop: Workshop, call: Call) -> None:
    """A process that was stopped here for long must not call: others may have settled the call by now."""
    if (datetime.now(UTC) - call.began).total_seconds() > shop.settle_seconds / 4:
        raise NotTakenError(
            GenerationErrorCode.PROVIDER_UNAVAILABLE, "The call was not made in time.", retryable=True
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A call, and the run that it became; followed says that another job is to look at it."""

    work: Work
    call: Call
    prediction: Prediction
    turn: int
    followed: bool

    @property
    def running(self) -> bool:
        return self.prediction.state is PredictionState.RUNNING

    @property
    def made(self) -> bool:
        return self.prediction.state is PredictionState.SUCCEEDED

    def due(self, *, recorded: bool) -> Due:
        """A look at it; at whose run it is, where it is known to be another call's."""
        wait = self.prediction.wait if recorded else SETTLE_LOOK
        return Due(self.work.subject, self.turn, wait)


async def _adopt(
    shop: Workshop, work: Work, call: Call, prediction: Prediction, task: Task
) -> Prediction | None:
    """Records whose run it is; what is made already is saved from here on."""
    told = _Told(
        work=work,
        call=call,
        prediction=prediction,
        turn=task.turn,
        followed=task.kind is not Job.COLLECT,
    )
    recorded = await shop.together(_record, work.topic, told)
    if recorded and not told.running:
        return prediction
    if task.kind is Job.COLLECT:
        raise Later(told.due(recorded=recorded).delay)
    return None


async def _record(shop: Workshop, all_told: Sequence[_Told]) -> list[bool]:
    """Which runs are recorded as these calls', with a job for each that there is more to wait for."""
    changed = None
    async with shop.database.worker_session() as session:
        recorded = await record_predictions(session, {told.call.id: told.prediction.id for told in all_told})
        jobs = [
            told.due(recorded=told.call.id in recorded)
            for told in all_told
            if told.followed and (told.running or told.call.id not in recorded)
        ]
        if jobs:
            await enqueue_each(session, Job.COLLECT, jobs)
        made = [told.work.id for told in all_told if told.made and told.call.id in recorded]
        if made:
            changed = await apply_change(session, made, Change(status=GenerationStatus.SAVING))
    if changed:
        shop.hints.tell(*changed.topics)
    return [told.call.id in recorded for told in all_told]


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


def _never_arrived() -> NotTakenError:
    return NotTakenError(
        GenerationErrorCode.PROVIDER_UNAVAILABLE, "The provider did not take the call.", retryable=True
    )
