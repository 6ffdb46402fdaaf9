"""What a caller may do to work under way: cancel, pause, resume, retry.

Rows are locked under the viewer's own role first (resolvers.locks); the ids found there, and no others,
go to the statements under the worker's role, in the same transaction.
"""

from collections.abc import Sequence
from uuid import UUID

from db.changes import Change, apply_change, save_due
from db.jobs import SAVE_TURN, STOP_TURN, Due, Job, enqueue_each, feed, subject_of
from db.session import Record, Session
from engine.refusals import Refusal
from engine.words import BatchStatus, GenerationErrorCode, GenerationStatus
from resolvers.context import Context
from resolvers.limits import feed_within_limits, unless_full
from resolvers.locks import Held, absent, conflict, controlled_batch, controlled_generation, in_trash

__all__ = [
    "cancel_batch",
    "cancel_generation",
    "pause_batch",
    "resume_batch",
    "retry_batch",
    "retry_generation",
    "stop_batch",
]

WAITING = (GenerationStatus.QUEUED, GenerationStatus.THROTTLED)
RETRYABLE = (GenerationStatus.FAILED, GenerationStatus.CANCELED)


async def cancel_batch(context: Context, key: UUID | None) -> list[Refusal]:
    """What waits ends at once; what the provider has is stopped there, and ends as that turns out."""
    async with controlled_batch(context, key) as held:
        if held.row is None:
            return [absent("batch")]
        status = BatchStatus(held.row["status"])
        if status is BatchStatus.CANCELED:
            return []
        if held.row["deleted_at"]:
            return [in_trash("batch")]
        if status.finished:
            return [conflict("This batch is finished.")]
        await stop_batch(held, held.row)
    return []


async def stop_batch(held: Held, batch: Record) -> None:
    """Cancels a held batch that is not finished. The session is the worker's."""
    session, batch_id = held.session, batch["id"]
    await session.rows("mark_canceling", batch_id)
    held.topics |= {batch_id, batch["user_id"]}
    waiting = await _in_states(session, batch_id, WAITING)
    await _change(held, waiting, Change(status=GenerationStatus.CANCELED))
    running = await _in_states(session, batch_id, (GenerationStatus.RUNNING,))
    await _ask_to_cancel(session, [row["id"] for row in running])


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
    return await unless_full(_retry_batch(context, key, codes))


async def cancel_generation(context: Context, key: UUID | None) -> list[Refusal]:
    async with controlled_generation(context, key) as (held, batch):
        if held.row is None:
            return [absent("generation")]
        status = GenerationStatus(held.row["status"])
        if status is GenerationStatus.CANCELED:
            return []
        if _is_deleted(batch):
            return [in_trash("generation's batch")]
        if status in WAITING:
            await _change(held, [held.row], Change(status=GenerationStatus.CANCELED))
        elif status is GenerationStatus.RUNNING:
            await _ask_to_cancel(held.session, [held.row["id"]])
        else:
            return [conflict("This generation is past being cancelled.")]
    return []


async def retry_generation(context: Context, key: UUID | None) -> list[Refusal]:
    return await unless_full(_retry_generation(context, key))


async def _retry_batch(
    context: Context, key: UUID | None, codes: Sequence[GenerationErrorCode] | None
) -> list[Refusal]:
    async with controlled_batch(context, key) as held:
        if held.row is None:
            return [absent("batch")]
        if held.row["deleted_at"]:
            return [in_trash("batch")]
        session, batch_id = held.session, held.row["id"]
        names = None if codes is None else [code.value for code in codes]
        ended = await _in_states(session, batch_id, RETRYABLE, names)
        unsaved = await session.rows("saves_given_up", batch_id, names)
        if not ended and not unsaved:
            return [conflict("There is nothing in this batch to be retried.")]
        await _save_again(held, unsaved)
        await _make_again(context, held, ended)
    return []


async def _retry_generation(context: Context, key: UUID | None) -> list[Refusal]:
    async with controlled_generation(context, key) as (held, batch):
        if held.row is None:
            return [absent("generation")]
        if _is_deleted(batch):
            return [in_trash("generation's batch")]
        if GenerationStatus(held.row["status"]) in RETRYABLE:
            await _make_again(context, held, [held.row])
        elif _is_given_up(held.row):
            await _save_again(held, [held.row])
        else:
            return [conflict("Only what failed, was cancelled or could not be saved can be retried.")]
    return []


async def _set_paused(context: Context, key: UUID | None, *, paused: bool) -> list[Refusal]:
    async with controlled_batch(context, key) as held:
        if held.row is None:
            return [absent("batch")]
        if held.row["deleted_at"]:
            return [in_trash("batch")]
        status = BatchStatus(held.row["status"])
        if status.finished or status is BatchStatus.CANCELING:
            return [conflict("This batch is finished or being cancelled.")]
        await held.session.rows("set_paused", held.row["id"], paused)
        held.topics |= {held.row["id"], held.row["user_id"]}
        if not paused:
            await feed(held.session, held.row["user_id"])
    return []


async def _change(held: Held, rows: Sequence[Record], change: Change) -> None:
    ids = [row["id"] for row in rows]
    changed = await apply_change(held.session, ids, change) if ids else None
    if changed:
        held.topics.update(changed.topics)


async def _make_again(context: Context, held: Held, rows: Sequence[Record]) -> None:
    """Raises QueueFullError."""
    if rows:
        await _change(held, rows, Change(status=GenerationStatus.QUEUED))
        await feed_within_limits(held.session, rows[0]["user_id"], context.services, ("id",))


async def _save_again(held: Held, rows: Sequence[Record]) -> None:
    """What was made is in storage, and is not made again."""
    await _change(held, rows, save_due())
    jobs = [Due(subject_of(row["id"], row["round"]), SAVE_TURN) for row in rows]
    await enqueue_each(held.session, Job.SAVE, jobs)


async def _in_states(
    session: Session,
    batch_id: UUID,
    states: Sequence[GenerationStatus],
    codes: Sequence[str] | None = None,
) -> Sequence[Record]:
    names = [state.value for state in states]
    return await session.rows("generations_in_states", batch_id, names, codes)


async def _ask_to_cancel(session: Session, ids: Sequence[UUID]) -> None:
    """The job that follows each run stops it, and is called for at once; one that is waited for has none."""
    rows = await session.rows("ask_to_cancel", ids)
    subjects = [subject_of(row["id"], row["round"]) for row in rows]
    await session.rows("hasten_jobs", [Job.COLLECT.key(subject) for subject in subjects])
    await enqueue_each(session, Job.STOP, [Due(subject, STOP_TURN) for subject in subjects])


def _is_given_up(row: Record) -> bool:
    """Whether it was made, could not be saved, and is not to be tried again by itself."""
    return row["status"] == GenerationStatus.SUCCEEDED.value and not row["saved"] and row["retry_at"] is None


def _is_deleted(batch: Record | None) -> bool:
    return batch is not None and batch["deleted_at"] is not None
