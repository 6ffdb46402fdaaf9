"""What a caller may do to work under way: cancel, pause, resume, retry.

Rows are locked under the viewer's own role first; the ids found there, and no others, go to the
statements under the worker's role, in the same transaction. The batch is always locked before its
generations, as the worker does.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from db.changes import Change, apply_change, save_due
from db.jobs import SAVE_TURN, STOP_TURN, Due, Job, enqueue_each, feed, subject_of
from db.session import Session
from engine.refusals import Refusal
from engine.words import BatchStatus, GenerationErrorCode, GenerationStatus, UserErrorCode
from resolvers.context import Context
from schema.node import Row

__all__ = [
    "cancel_batch",
    "cancel_generation",
    "pause_batch",
    "resume_batch",
    "retry_batch",
    "retry_generation",
]

WAITING = (GenerationStatus.QUEUED, GenerationStatus.THROTTLED)
RETRYABLE = (GenerationStatus.FAILED, GenerationStatus.CANCELED)


@dataclass(slots=True)
class Locked:
    """A batch or a generation held by this transaction, now under the worker's role."""

    session: Session
    row: Row | None
    topics: set[UUID] = field(default_factory=set)

    async def change(self, rows: Sequence[Row], change: Change) -> None:
        ids = [row["id"] for row in rows]
        changed = await apply_change(self.session, ids, change) if ids else None
        if changed:
            self.topics.update(changed.topics)

    async def make_again(self, rows: Sequence[Row], user_id: UUID) -> None:
        await self.change(rows, Change(status=GenerationStatus.QUEUED))
        await feed(self.session, user_id)

    async def save_again(self, rows: Sequence[Row]) -> None:
        """What was made is in storage, and is not made again."""
        await self.change(rows, save_due())
        jobs = [Due(subject_of(row["id"], row["round"]), SAVE_TURN) for row in rows]
        await enqueue_each(self.session, Job.SAVE, jobs)


async def cancel_batch(context: Context, key: UUID | None) -> list[Refusal]:
    """What waits ends at once; what the provider has is stopped there, and ends as that turns out."""
    async with _locked_batch(context, key) as locked:
        if locked.row is None:
            return [_absent("batch")]
        status = BatchStatus(locked.row["status"])
        if status is BatchStatus.CANCELED:
            return []
        if status.finished:
            return [_conflict("This batch is finished.")]
        session, batch_id = locked.session, locked.row["id"]
        await session.rows("mark_canceling", batch_id)
        locked.topics |= {batch_id, locked.row["user_id"]}
        waiting = await _in_states(session, batch_id, WAITING)
        await locked.change(waiting, Change(status=GenerationStatus.CANCELED))
        running = await _in_states(session, batch_id, (GenerationStatus.RUNNING,))
        await _ask_to_cancel(session, [row["id"] for row in running])
    return []


async def pause_batch(context: Context, key: UUID | None) -> list[Refusal]:
    """Nothing new begins; what the provider has goes on."""
    return await _set_paused(context, key, paused=True)


async def resume_batch(context: Context, key: UUID | None) -> list[Refusal]:
    """Goes on where it was paused."""
    return await _set_paused(context, key, paused=False)


async def retry_batch(
    context: Context, key: UUID | None, codes: Sequence[GenerationErrorCode] | None
) -> list[Refusal]:
    """Queues what failed or was cancelled once more, and saves again what could not be saved.

    With codes only what failed for one of them.
    """
    async with _locked_batch(context, key) as locked:
        if locked.row is None:
            return [_absent("batch")]
        session, batch_id = locked.session, locked.row["id"]
        names = None if codes is None else [code.value for code in codes]
        ended = await _in_states(session, batch_id, RETRYABLE, names)
        unsaved = await session.rows("saves_given_up", batch_id, names)
        if not ended and not unsaved:
            return [_conflict("There is nothing in this batch to be retried.")]
        await locked.save_again(unsaved)
        await locked.make_again(ended, locked.row["user_id"])
    return []


async def cancel_generation(context: Context, key: UUID | None) -> list[Refusal]:
    async with _locked_generation(context, key) as locked:
        if locked.row is None:
            return [_absent("generation")]
        match GenerationStatus(locked.row["status"]):
            case GenerationStatus.QUEUED | GenerationStatus.THROTTLED:
                await locked.change([locked.row], Change(status=GenerationStatus.CANCELED))
            case GenerationStatus.RUNNING:
                await _ask_to_cancel(locked.session, [locked.row["id"]])
            case GenerationStatus.CANCELED:
                return []
            case _:
                return [_conflict("This generation is past being cancelled.")]
    return []


async def retry_generation(context: Context, key: UUID | None) -> list[Refusal]:
    async with _locked_generation(context, key) as locked:
        if locked.row is None:
            return [_absent("generation")]
        if GenerationStatus(locked.row["status"]) in RETRYABLE:
            await locked.make_again([locked.row], locked.row["user_id"])
        elif _is_given_up(locked.row):
            await locked.save_again([locked.row])
        else:
            return [_conflict("Only what failed, was cancelled or could not be saved can be retried.")]
    return []


async def _set_paused(context: Context, key: UUID | None, *, paused: bool) -> list[Refusal]:
    async with _locked_batch(context, key) as locked:
        if locked.row is None:
            return [_absent("batch")]
        status = BatchStatus(locked.row["status"])
        if status.finished or status is BatchStatus.CANCELING:
            return [_conflict("This batch is finished or being cancelled.")]
        await locked.session.rows("set_paused", locked.row["id"], paused)
        locked.topics |= {locked.row["id"], locked.row["user_id"]}
        if not paused:
            await feed(locked.session, locked.row["user_id"])
    return []


@asynccontextmanager
async def _locked_batch(context: Context, key: UUID | None) -> AsyncIterator[Locked]:
    """The hints are given once the transaction is committed."""
    async with context.session() as session:
        row = await session.row("lock_batch", key) if key else None
        await session.become_worker()
        locked = Locked(session, row)
        yield locked
    context.services.hints.tell(*locked.topics)


@asynccontextmanager
async def _locked_generation(context: Context, key: UUID | None) -> AsyncIterator[Locked]:
    async with context.session() as session:
        batch_id = await session.value("batch_id_of_generation", key) if key else None
        if batch_id:
            await session.row("lock_batch", batch_id)
        row = await session.row("lock_generation", key) if key else None
        await session.become_worker()
        locked = Locked(session, row)
        yield locked
    context.services.hints.tell(*locked.topics)


async def _in_states(
    session: Session,
    batch_id: UUID,
    states: Sequence[GenerationStatus],
    codes: Sequence[str] | None = None,
) -> Sequence[Row]:
    names = [state.value for state in states]
    return await session.rows("generations_in_states", batch_id, names, codes)


async def _ask_to_cancel(session: Session, ids: Sequence[UUID]) -> None:
    """The job that follows each run stops it, and is called for at once; one that is waited for has none."""
    rows = await session.rows("ask_to_cancel", ids)
    subjects = [subject_of(row["id"], row["round"]) for row in rows]
    await session.rows("hasten_jobs", [Job.COLLECT.key(subject) for subject in subjects])
    await enqueue_each(session, Job.STOP, [Due(subject, STOP_TURN) for subject in subjects])


def _is_given_up(row: Row) -> bool:
    """Whether it was made, could not be saved, and is not to be tried again by itself."""
    return row["status"] == GenerationStatus.SUCCEEDED.value and not row["saved"] and row["retry_at"] is None


def _absent(what: str) -> Refusal:
    return Refusal(path=("id",), code=UserErrorCode.NOT_FOUND, message=f"There is no such {what}.")


def _conflict(message: str) -> Refusal:
    return Refusal(path=("id",), code=UserErrorCode.CONFLICT, message=message)
