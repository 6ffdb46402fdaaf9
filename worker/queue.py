"""The life of a worker: takes jobs out of the queue, and comes back by itself after any outage."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import asyncpg
import structlog
from asyncpg.connection import LoggedQuery
from pgqueuer import Queries, QueueManager, RetryRequested
from pgqueuer.models import Job as QueuedJob

from db.changes import apply_change, failure, internal_error
from db.jobs import Job, queue_queries
from db.session import CONNECT_TIMEOUT, DATABASE_AWAY
from worker.feeding import feed_user, readopt
from worker.making import collect, submit
from worker.rated import Governor, RatedQueue
from worker.saving import save_again
from worker.stopping import stop
from worker.thumbnails import USUAL_WIDTH, make_thumbnail
from worker.work import Later, Task
from worker.workshop import Workshop

__all__ = ["run_worker"]

BATCH_SIZE = 50
DEQUEUE_TIMEOUT = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
ANSWER_TIMEOUT = 4.0
"""Seconds without an answer after which the queue's connection is given up."""
GRACE = 4.0
"""Seconds that running jobs have to end in once the worker shall stop."""
CUT_OFF = 1.0
LAST_WORD = 1.0
LOOK_BACK = 0.5
"""Seconds between looks at what a lost life has left."""
ROUNDS = 10.0
"""Seconds between looks for what a stopped worker left behind."""
LONGEST_BACKOFF = 1.0
FEED_AGAIN = 5.0
SOON = 1.0
MOST_FAULTS = 5
INTERRUPTED = (*DATABASE_AWAY, asyncpg.TransactionRollbackError)
"""What says nothing of a job, only that it could not be done now."""
logger = structlog.get_logger()
Handler = Callable[[Workshop, Task], Awaitable[object]]
QueueMaker = Callable[["asyncpg.Connection[asyncpg.Record]"], QueueManager]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What every life of a worker has in common."""

    shop: Workshop
    url: str
    concurrency: int
    heartbeat: timedelta
    stopping: asyncio.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """A queue on a connection of its own, and the task that works it off."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    queue: QueueManager
    running: "asyncio.Task[None]"


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
    post = _Post(shop=shop, url=url, concurrency=concurrency, heartbeat=heartbeat, stopping=stopping)
    makers: list[QueueMaker] = [_open_queue(shop)]
    makers += [partial(_rated_queue, shop, governor) for governor in shop.governors]
    rounds = asyncio.create_task(_make_rounds(shop))
    try:
        await asyncio.gather(*(_live(post, make) for make in makers))
    finally:
        rounds.cancel()


async def _live(post: _Post, make: QueueMaker) -> None:
    """One life after the other, from a connection to its loss."""
    backoff = 0.2
    endings: set[asyncio.Task[None]] = set()
    while not post.stopping.is_set():
        try:
            life = await _begin(post, make)
        except DATABASE_AWAY as error:
            logger.warning("queue_lost", reason=type(error).__name__, retry_in=backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)
        except Exception:
            logger.exception("queue_failed", retry_in=backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)
        else:
            await _until_lost(post, life)
            ending = asyncio.create_task(_end(post, life))
            endings.add(ending)
            ending.add_done_callback(endings.discard)
            backoff = 0.2
        await _until_set(post.stopping, backoff)
    await asyncio.gather(*endings)


async def _begin(post: _Post, make: QueueMaker) -> _Life:
    connection = await asyncpg.connect(
        post.url,
        timeout=CONNECT_TIMEOUT,
        command_timeout=ANSWER_TIMEOUT,
        server_settings={"role": "studio_worker", "application_name": "batch-studio queue"},
    )

    def hang_up(record: LoggedQuery) -> None:
        """Who shares the connection shall not wait as long again."""
        if isinstance(record.exception, TimeoutError):
            connection.terminate()

    connection.add_query_logger(hang_up)
    queue = make(connection)
    working = queue.run(
        dequeue_timeout=DEQUEUE_TIMEOUT,
        batch_size=BATCH_SIZE,
        max_concurrent_tasks=max(post.concurrency, 2 * BATCH_SIZE),
        heartbeat_timeout=post.heartbeat,
        shutdown_on_listener_failure=True,
    )
    return _Life(connection=connection, queue=queue, running=asyncio.create_task(working))


async def _until_lost(post: _Post, life: _Life) -> None:
    """Returns once the life is over or shall be."""
    lost = asyncio.Event()
    life.connection.add_termination_listener(lambda _: lost.set())
    if life.connection.is_closed():
        lost.set()
    waits = [asyncio.create_task(event.wait()) for event in (lost, post.stopping)]
    try:
        await asyncio.wait([life.running, *waits], return_when=asyncio.FIRST_COMPLETED)
    finally:
        life.queue.shutdown.set()
        for wait in waits:
            wait.cancel()


async def _end(post: _Post, life: _Life) -> None:
    """Its jobs run to their ends, beside the next life, or for a few seconds once the worker shall stop.

    What the queue has not heard the end of goes back to it.
    """
    if not post.stopping.is_set():
        logger.warning("queue_lost", jobs=len(life.queue.job_context))
        life.connection.terminate()
        while not (await _hand_back(post, life) and life.running.done()):
            if await _until_set(post.stopping, LOOK_BACK):
                break
    await asyncio.wait([life.running], timeout=GRACE)
    # First the connection: what is cut off would else leave the queue as canceled.
    life.connection.terminate()
    await _cut_off(life)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD):
            await _hand_back(post, life)


async def _cut_off(life: _Life) -> None:
    if not life.running.done():
        logger.warning("jobs_cut_off", jobs=len(life.queue.job_context))
        life.running.cancel()
        await asyncio.wait([life.running], timeout=CUT_OFF)
    if life.running.done() and not life.running.cancelled() and (error := life.running.exception()):
        logger.warning("queue_ended", reason=type(error).__name__)


async def _hand_back(post: _Post, life: _Life) -> bool:
    """What this life took and does not work at goes back; whether that could be done."""
    queue = life.queue
    try:
        async with post.shop.database.worker_session() as session:
            await session.rows("hand_back_jobs", queue.queue_manager_id, list(queue.job_context))
    except (*DATABASE_AWAY, asyncpg.PostgresError):
        return False
    return True


async def _until_set(event: asyncio.Event, seconds: float) -> bool:
    """Waits for so long at most; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _open_queue(shop: Workshop) -> QueueMaker:
    """Everything that needs no permit."""
    handlers: dict[Job, Handler] = {
        Job.FEED: feed_user,
        Job.SUBMIT: submit,
        Job.COLLECT: collect,
        Job.SAVE: save_again,
        Job.STOP: stop,
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
        shop.hints.tell(changed.topic)
    return None


def _loggable(kind: Job, task: Task) -> str:
    """Ids are logged; a thumbnail's subject is a storage key, which is not."""
    return "" if kind is Job.THUMBNAIL else task.subject


async def _thumbnail(shop: Workshop, task: Task) -> None:
    await make_thumbnail(shop.storage, shop.children, task.subject, USUAL_WIDTH, turn=task.turn)


async def _make_rounds(shop: Workshop) -> None:
    """Looks after what was left behind, and keeps short what only grows."""
    while True:
        try:
            async with shop.database.worker_session() as session:
                await session.rows("prune_queue_log")
                await session.rows("prune_idempotency_keys")
            adopted = await readopt(shop)
            if adopted:
                logger.info("generations_readopted", count=adopted)
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            logger.warning("round_failed", reason=type(error).__name__)
        await asyncio.sleep(ROUNDS)
