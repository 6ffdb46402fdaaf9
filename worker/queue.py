"""A worker: takes jobs out of the queue, has them done, and looks after what was left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import asyncpg
import structlog
from pgqueuer import Queries, QueueManager, RetryRequested
from pgqueuer.models import Job as QueuedJob

from db.changes import apply_change, failure, internal_error
from db.jobs import PURGE_TURN, Job, enqueue, queue_queries
from db.session import DATABASE_AWAY
from worker.children import ChildFailed
from worker.feeding import feed_user, readopt
from worker.life import Connection, Post, live
from worker.making import collect, submit
from worker.purging import purge
from worker.rated import Governor, RatedQueue
from worker.saving import save_again
from worker.stopping import stop
from worker.thumbnails import USUAL_WIDTH, make_thumbnail
from worker.work import Later, Task
from worker.workshop import Workshop

__all__ = ["run_worker"]

HEARTBEAT = timedelta(seconds=10)
ROUNDS = 10.0
"""Seconds between looks for what a stopped worker left behind."""
FEED_AGAIN = 5.0
PURGE_AGAIN = 60.0
EVERYBODYS = "everybody"
"""The subject of a job that is there once."""
SOON = 1.0
MOST_FAULTS = 5
INTERRUPTED = (*DATABASE_AWAY, asyncpg.TransactionRollbackError)
"""What says nothing of a job, only that it could not be done now."""
logger = structlog.get_logger()
Handler = Callable[[Workshop, Task], Awaitable[object]]


async def run_worker(
    shop: Workshop,
    url: str,
    *,
    concurrency: int,
    stopping: asyncio.Event,
    heartbeat: timedelta = HEARTBEAT,
) -> None:
    """Works until stopping is set, then lets running jobs end for a few seconds.

    Jobs of a worker that has not been heard of for the length of a heartbeat are taken over.
    """
    post = Post(
        database=shop.database, url=url, concurrency=concurrency, heartbeat=heartbeat, stopping=stopping
    )
    rated = [partial(_rated_queue, shop, governor) for governor in shop.governors]
    beside = [asyncio.create_task(_make_rounds(shop)), asyncio.create_task(_warm(shop))]
    try:
        await asyncio.gather(*(live(post, make) for make in (partial(_open_queue, shop), *rated)))
    finally:
        for task in beside:
            task.cancel()


def _open_queue(shop: Workshop, connection: Connection) -> QueueManager:
    """Everything that needs no permit."""
    handlers: dict[Job, Handler] = {
        Job.FEED: feed_user,
        Job.SUBMIT: submit,
        Job.COLLECT: collect,
        Job.SAVE: save_again,
        Job.STOP: stop,
        Job.THUMBNAIL: _thumbnail,
        Job.PURGE: purge,
    }
    return _register(shop, handlers, QueueManager, connection)


def _rated_queue(shop: Workshop, governor: Governor, connection: Connection) -> QueueManager:
    manager = partial(RatedQueue, governor=governor)
    return _register(shop, {Job.SUBMIT_RATED: submit}, manager, connection)


def _register(
    shop: Workshop,
    handlers: dict[Job, Handler],
    manager: Callable[[Queries], QueueManager],
    connection: Connection,
) -> QueueManager:
    queue = manager(queue_queries(connection))
    for job, handler in handlers.items():
        queue.entrypoint(job.value)(_guarded(shop, job, handler))
    return queue


def _guarded(shop: Workshop, kind: Job, handler: Handler) -> Callable[[QueuedJob], Awaitable[None]]:
    """The handler for PgQueuer: what fails comes again, and is given up after a few times."""

    async def handle(job: QueuedJob) -> None:
        task = Task(kind=kind, subject=(job.payload or b"").decode(), turn=-job.priority)
        try:
            await handler(shop, task)
        except Later as later:
            raise RetryRequested(timedelta(seconds=later.seconds)) from None
        except INTERRUPTED as error:
            logger.warning("job_interrupted", job=kind.value, reason=type(error).__name__)
            raise RetryRequested(timedelta(seconds=SOON)) from None
        except Exception:
            logger.exception("job_failed", job=kind.value, subject=_loggable(kind, task))
            seconds = await _after_fault(shop, task)
            if seconds is not None:
                raise RetryRequested(timedelta(seconds=seconds)) from None

    return handle


async def _after_fault(shop: Workshop, task: Task) -> float | None:
    """After how many seconds to try again; None where it was given up."""
    if task.kind is Job.THUMBNAIL:
        return None  # made on its first request instead
    if task.kind is Job.FEED:
        return FEED_AGAIN
    if task.kind is Job.PURGE:
        return PURGE_AGAIN
    try:
        return await _count_fault(shop, task)
    except INTERRUPTED:
        return SOON  # else the job would be lost


async def _count_fault(shop: Workshop, task: Task) -> float | None:
    async with shop.database.worker_session() as session:
        faults = await session.value("count_fault", task.generation_id)
        if faults is None:
            return None
        if faults < MOST_FAULTS:
            return float(2**faults)
        changed = await apply_change(session, task.generation_id, failure(internal_error()))
    if changed:
        shop.hints.tell(*changed.topics)
    return None


def _loggable(kind: Job, task: Task) -> str:
    """Ids are logged; a thumbnail's subject is a storage key, which is not."""
    return "" if kind is Job.THUMBNAIL else task.subject


async def _thumbnail(shop: Workshop, task: Task) -> None:
    await make_thumbnail(shop.storage, shop.children, task.subject, USUAL_WIDTH, turn=task.turn)


async def _warm(shop: Workshop) -> None:
    """The first image need not wait for the decoders' second of imports."""
    with suppress(ChildFailed):
        await shop.children.warm("worker.pictures", "worker.painting")


async def _make_rounds(shop: Workshop) -> None:
    """Looks after what was left behind, and keeps short what only grows."""
    while True:
        try:
            async with shop.database.worker_session() as session:
                await session.rows("prune_queue_log")
                await session.rows("prune_idempotency_keys")
                await session.rows("prune_rate_counts")
                await enqueue(session, Job.PURGE, EVERYBODYS, turn=PURGE_TURN)
            adopted = await readopt(shop)
            if adopted:
                logger.info("generations_readopted", count=adopted)
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            logger.warning("round_failed", reason=type(error).__name__)
        await asyncio.sleep(ROUNDS)
