"""The life of a worker: takes jobs out of the queue, and comes back by itself after any outage."""

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
from db.jobs import Job, queue_queries
from db.session import COMMAND_TIMEOUT, DATABASE_AWAY
from worker.feeding import feed_user, readopt
from worker.making import collect, submit
from worker.rated import Governor, RatedQueue
from worker.saving import save_again
from worker.thumbnails import USUAL_WIDTH, make_thumbnail
from worker.workshop import Later, Task, Workshop

__all__ = ["run_worker"]

BATCH_SIZE = 10
DEQUEUE_TIMEOUT = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
GRACE = 6.0
"""Seconds that running jobs have to end in once the worker shall stop."""
ROUNDS = 10.0
"""Seconds between looks for what a stopped worker left behind."""
LONGEST_BACKOFF = 5.0
MOST_FAULTS = 5
logger = structlog.get_logger()
Handler = Callable[[Workshop, Task], Awaitable[object]]
QueueMaker = Callable[["asyncpg.Connection[asyncpg.Record]"], QueueManager]


async def run_worker(shop: Workshop, url: str, *, concurrency: int, stopping: asyncio.Event) -> None:
    """Works until stopping is set, then lets running jobs end for a few seconds."""
    lives = [_live(shop, url, _open_queue(shop), concurrency, stopping)]
    for governor in shop.governors:
        rated = partial(_rated_queue, shop, governor)
        lives.append(_live(shop, url, rated, concurrency, stopping))
    rounds = asyncio.create_task(_make_rounds(shop))
    try:
        await asyncio.gather(*lives)
    finally:
        rounds.cancel()


async def _live(
    shop: Workshop, url: str, make: QueueMaker, concurrency: int, stopping: asyncio.Event
) -> None:
    """One life after the other, from a connection to its loss."""
    backoff = 0.2
    while not stopping.is_set():
        try:
            await _one_life(url, make, concurrency, stopping)
            backoff = 0.2
        except DATABASE_AWAY as error:
            logger.warning("queue_lost", reason=type(error).__name__, retry_in=backoff)
        except Exception:
            logger.exception("queue_failed", retry_in=backoff)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), backoff)
        backoff = min(backoff * 2, LONGEST_BACKOFF)


async def _one_life(url: str, make: QueueMaker, concurrency: int, stopping: asyncio.Event) -> None:
    connection = await asyncpg.connect(
        url,
        timeout=COMMAND_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={"role": "studio_worker", "application_name": "batch-studio queue"},
    )
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    queue = make(connection)
    running = asyncio.create_task(
        queue.run(
            dequeue_timeout=DEQUEUE_TIMEOUT,
            batch_size=BATCH_SIZE,
            max_concurrent_tasks=max(concurrency, 2 * BATCH_SIZE),
            heartbeat_timeout=HEARTBEAT,
            shutdown_on_listener_failure=True,
        )
    )
    waits = [asyncio.create_task(event.wait()) for event in (lost, stopping)]
    try:
        await asyncio.wait([running, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        queue.shutdown.set()
        for wait in waits:
            wait.cancel()
        await _end(running)
        connection.terminate()


async def _end(running: "asyncio.Task[None]") -> None:
    """Running jobs end, or are cut off: what is cut off is found on the next round."""
    try:
        await asyncio.wait_for(running, GRACE)
    except TimeoutError:
        logger.warning("jobs_cut_off")


def _open_queue(shop: Workshop) -> QueueMaker:
    """Everything that needs no permit."""
    handlers: dict[Job, Handler] = {
        Job.FEED: feed_user,
        Job.SUBMIT: submit,
        Job.COLLECT: collect,
        Job.SAVE: save_again,
        Job.THUMBNAIL: _thumbnail,
    }
    return partial(_register, shop, handlers, QueueManager)


def _rated_queue(
    shop: Workshop, governor: Governor, connection: "asyncpg.Connection[asyncpg.Record]"
) -> QueueManager:
    manager = partial(RatedQueue, governor=governor)
    return _register(shop, {Job.SUBMIT_RATED: submit}, manager, connection)


def _register(
    shop: Workshop,
    handlers: dict[Job, Handler],
    manager: Callable[[Queries], QueueManager],
    connection: "asyncpg.Connection[asyncpg.Record]",
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
        except (*DATABASE_AWAY, asyncpg.TransactionRollbackError) as error:
            logger.warning("job_interrupted", job=kind.value, reason=type(error).__name__)
            raise RetryRequested(timedelta(seconds=1)) from None
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
        return LONGEST_BACKOFF
    async with shop.database.worker_session() as session:
        faults = await session.value("count_fault", task.generation_id)
        if faults is None:
            return None
        if faults < MOST_FAULTS:
            return float(2**faults)
        changed = await apply_change(session, task.generation_id, failure(internal_error()))
    if changed:
        shop.hints.tell(changed.topic)
    return None


def _loggable(kind: Job, task: Task) -> str:
    """Ids are logged; a thumbnail's subject is a storage key, which is not."""
    return "" if kind is Job.THUMBNAIL else task.subject


async def _thumbnail(shop: Workshop, task: Task) -> None:
    await make_thumbnail(shop.storage, shop.children, task.subject, USUAL_WIDTH, turn=task.turn)


async def _make_rounds(shop: Workshop) -> None:
    """Looks after what was left behind, and keeps the queue's log short."""
    while True:
        try:
            async with shop.database.worker_session() as session:
                await session.rows("prune_queue_log")
            adopted = await readopt(shop)
            if adopted:
                logger.info("generations_readopted", count=adopted)
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            logger.warning("round_failed", reason=type(error).__name__)
        await asyncio.sleep(ROUNDS)
