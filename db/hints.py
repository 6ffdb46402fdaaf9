"""The hints of one process: collected for a moment, sent and heard over one line to all processes.

Payloads are ids only. A lost hint costs time, never news, since whoever waits looks again by itself.
What carries them is in db.notify and db.nats.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from time import monotonic
from typing import Protocol, TypeAlias
from uuid import UUID, uuid4

import structlog

__all__ = ["ANSWER_TIMEOUT", "Line", "LineHints", "Listener", "Send", "open_line_hints", "try_line"]

COALESCE = 0.02
HEARTBEAT = 5.0
ANSWER_TIMEOUT = 3.0
SHORTEST_BACKOFF = 0.1
LONGEST_BACKOFF = 1.0
MOST_PENDING = 10_000
"""Topics that are kept while the line is away; those beyond are left to the others' own looks."""
IDS_IN_A_PAYLOAD = 200
"""A notification is limited to 8,000 bytes."""

logger = structlog.get_logger()


class Listener(Protocol):
    """Who is told what a line hears, and that it is gone."""

    def heard(self, payload: str) -> None: ...

    def lost(self) -> None: ...


Send: TypeAlias = Callable[[list[str]], Awaitable[None]]
"""Hands payloads to every process, this one too; without any, asks for a sign of life. Raises once gone."""

Line: TypeAlias = Callable[[Listener], AbstractAsyncContextManager[Send]]
"""Opens one connection, which listens from then on. Raises where there is none to be had."""


class EventWatch:
    """A listener that remembers whether it was woken since it last waited."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.event.wait()
        self.event.clear()


class LineHints:
    """Hints of one process; run() keeps its line."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.watches: dict[UUID, set[EventWatch]] = defaultdict(set)
        self.told: set[UUID] = set()
        self.something_told = asyncio.Event()
        self._sent: tuple[str, float] | None = None
        self._lag = 0.0

    @property
    def lag(self) -> float:
        """Seconds that a hint last took from here back to here, or has been on its way by now."""
        return max(self._lag, monotonic() - self._sent[1]) if self._sent else self._lag

    def tell(self, *topics: UUID) -> None:
        if len(self.told) < MOST_PENDING:
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

    def heard(self, payload: str) -> None:
        if self._sent and payload == self._sent[0]:
            self._lag, self._sent = monotonic() - self._sent[1], None
        for topic in payload.split(","):
            with suppress(ValueError):
                self.wake(UUID(topic))

    def lost(self) -> None:
        """Whoever waits to send finds out."""
        self.something_told.set()

    async def run(self) -> None:
        """Listens and sends until cancelled; whatever befalls the line, there is another soon."""
        backoff = SHORTEST_BACKOFF
        while True:
            try:
                async with self.line(self) as send:
                    self._wake_all()
                    self.something_told.set()
                    backoff = SHORTEST_BACKOFF
                    await self._send_all(send)
            except Exception as error:
                logger.warning("hints_lost", reason=type(error).__name__, retry_in=backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _send_all(self, send: Send) -> None:
        """Sends what is told, at once and then at most every few milliseconds; a heartbeat in between,
        since a stalled line says nothing. Ends with the error of a line that is gone.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self.something_told.wait()
            await self._send(send)
            await asyncio.sleep(COALESCE)

    async def _send(self, send: Send) -> None:
        """Keeps what it could not send."""
        self.something_told.clear()
        topics, self.told = self.told, set()
        payloads = list(_payloads(topics))
        if payloads and self._sent is None:
            self._sent = payloads[0], monotonic()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await send(payloads)
        except BaseException:
            self.told |= topics
            raise

    def wake(self, topic: UUID) -> None:
        for watch in self.watches.get(topic, ()):
            watch.event.set()

    def _wake_all(self) -> None:
        """Whatever was told while there was no line is unknown: everybody looks again."""
        for topic in self.watches:
            self.wake(topic)


def _payloads(topics: set[UUID]) -> Iterator[str]:
    texts = [str(topic) for topic in topics]
    for start in range(0, len(texts), IDS_IN_A_PAYLOAD):
        yield ",".join(texts[start : start + IDS_IN_A_PAYLOAD])


@asynccontextmanager
async def open_line_hints(line: Line) -> AsyncIterator[LineHints]:
    """Hints that work until the end of the block, from when the line is there."""
    hints = LineHints(line)
    running = asyncio.create_task(hints.run())
    try:
        yield hints
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def try_line(line: Line) -> None:
    """Returns once a payload has gone out and come back. Raises whatever keeps it from that."""
    echo = Echo(str(uuid4()))
    async with asyncio.timeout(ANSWER_TIMEOUT), line(echo) as send:
        await send([echo.payload])
        await echo.came.wait()


class Echo:
    """Listens for one payload."""

    def __init__(self, payload: str) -> None:
        self.payload = payload
        self.came = asyncio.Event()

    def heard(self, payload: str) -> None:
        if payload == self.payload:
            self.came.set()

    def lost(self) -> None:
        """The time limit finds out."""
