"""A queue's life: taken up again after any outage, and ended so that nothing it took is lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import asyncpg
import structlog
from asyncpg.connection import LoggedQuery
from pgqueuer import QueueManager

from db.pool import CONNECT_TIMEOUT
from db.session import DATABASE_AWAY, Database

__all__ = ["Connection", "Post", "live"]

BATCH_SIZE = 50
DEQUEUE_TIMEOUT = timedelta(seconds=1)
ANSWER_TIMEOUT = 4.0
"""Seconds without an answer after which the queue's connection is given up."""
GRACE = 4.0
"""Seconds that running jobs have to end in once the worker shall stop."""
CUT_OFF = 1.0
LAST_WORD = 1.0
LOOK_BACK = 0.5
"""Seconds between looks at what a lost life has left."""
LONGEST_BACKOFF = 1.0
logger = structlog.get_logger()
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
QueueMaker = Callable[[Connection], QueueManager]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What every life of a worker has in common."""

    database: Database
    url: str
    concurrency: int
    heartbeat: timedelta
    stopping: asyncio.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """A queue on a connection of its own, and the task that works it off."""

    connection: Connection
    queue: QueueManager
    running: "asyncio.Task[None]"


async def live(post: Post, make: QueueMaker) -> None:
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


async def _begin(post: Post, make: QueueMaker) -> _Life:
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


async def _until_lost(post: Post, life: _Life) -> None:
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


async def _end(post: Post, life: _Life) -> None:
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


async def _hand_back(post: Post, life: _Life) -> bool:
    """What this life took and does not work at goes back; whether that could be done."""
    queue = life.queue
    try:
        async with post.database.worker_session() as session:
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
