"""Hints by LISTEN and NOTIFY: one connection a process, never inside a writing transaction.

A NOTIFY in each commit would serialise the commits of the whole database, so hints are collected for
a few milliseconds and sent on a connection of their own. Payloads are ids only; a lost hint costs
time, never news, since whoever waits looks again by itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from uuid import UUID

import asyncpg
import structlog

from db.session import CONNECT_TIMEOUT, DATABASE_AWAY

__all__ = ["NotifyHints", "open_notify_hints"]

CHANNEL = "batch_studio"
COALESCE = 0.01
HEARTBEAT = 5.0
ANSWER_TIMEOUT = 3.0
LONGEST_BACKOFF = 1.0
IDS_IN_A_PAYLOAD = 200
"""A payload is limited to 8,000 bytes."""
NOTIFY = "select pg_notify($1, payload) from unnest($2::text[]) as payload"
LOST = (*DATABASE_AWAY, asyncpg.PostgresError)

logger = structlog.get_logger()


class EventWatch:
    """A listener that remembers whether it was woken since it last waited."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.event.wait()
        self.event.clear()


class NotifyHints:
    """Hints of one process; run() keeps its connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.watches: dict[UUID, set[EventWatch]] = defaultdict(set)
        self.told: set[UUID] = set()
        self.something_told = asyncio.Event()

    def tell(self, *topics: UUID) -> None:
        self.told.update(topics)
        self.something_told.set()

    @contextmanager
    def watch(self, topic: UUID) -> Iterator[EventWatch]:
        watch = EventWatch()
        self.watches[topic].add(watch)
        try:
            yield watch
        finally:
            self.watches[topic].discard(watch)
            if not self.watches[topic]:
                del self.watches[topic]

    async def run(self) -> None:
        """Listens and sends until cancelled; comes back by itself after the database was away."""
        backoff = 0.1
        while True:
            try:
                async with self._connection() as connection:
                    self._wake_all()
                    self.something_told.set()
                    backoff = 0.1
                    await self._send(connection)
            except LOST as error:
                logger.warning("hints_lost", reason=type(error).__name__, retry_in=backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=ANSWER_TIMEOUT,
            server_settings={"role": "studio_nobody", "application_name": "batch-studio hints"},
        )
        try:
            connection.add_termination_listener(lambda _: self.something_told.set())
            await connection.add_listener(CHANNEL, self._on_notify)
            yield connection
        finally:
            connection.terminate()

    async def _send(self, connection: asyncpg.Connection) -> None:
        """Sends what was told; a heartbeat in between, since a stalled connection says nothing.

        Ends with the error of a connection that is gone, and keeps what it could not send.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self.something_told.wait()
                    await asyncio.sleep(COALESCE)
            self.something_told.clear()
            topics, self.told = self.told, set()
            try:
                await connection.execute(NOTIFY, CHANNEL, list(_payloads(topics)))
            except BaseException:
                self.told |= topics
                raise

    def _on_notify(self, _connection: object, _pid: object, _channel: object, payload: object) -> None:
        for topic in str(payload).split(","):
            with suppress(ValueError):
                self._wake(UUID(topic))

    def _wake(self, topic: UUID) -> None:
        for watch in self.watches.get(topic, ()):
            watch.event.set()

    def _wake_all(self) -> None:
        """Whatever was told while there was no connection is unknown: everybody looks again."""
        for topic in self.watches:
            self._wake(topic)


def _payloads(topics: set[UUID]) -> Iterator[str]:
    texts = [str(topic) for topic in topics]
    for start in range(0, len(texts), IDS_IN_A_PAYLOAD):
        yield ",".join(texts[start : start + IDS_IN_A_PAYLOAD])


@asynccontextmanager
async def open_notify_hints(url: str) -> AsyncIterator[NotifyHints]:
    """Hints that work until the end of the block."""
    hints = NotifyHints(url)
    running = asyncio.create_task(hints.run())
    try:
        yield hints
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
