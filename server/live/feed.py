"""One thing that is watched by all who asked for the same of it: read once, and handed to all."""

import asyncio
from collections.abc import Callable

from engine.seams import Hints
from resolvers.changes import Page, Source
from resolvers.context import Context
from resolvers.faults import UnavailableFault
from server.live.subscriber import Subscriber
from server.operations.errors import RefusedError, as_graphql

__all__ = ["Feed"]

RETRY = 0.5
NO_HINT = 3600.0
"""Seconds without a hint: server.live.streams wakes whatever has missed one."""


class Feed:
    """A source, its hints, its subscribers, and how far they have been told.

    head is the seq up to which all has been handed on, or is being handed on. Whoever is a subscriber, and
    then reads up to the head, misses nothing from then on. end is the seq of the source's last change, while
    nothing can come after it. A feed closes when its last subscriber is gone.
    """

    def __init__(
        self,
        source: Source,
        hints: Hints,
        new_context: Callable[[], Context],
        *,
        on_close: Callable[["Feed"], None],
    ) -> None:
        self.source = source
        self.hints = hints
        self.new_context = new_context
        self.on_close = on_close
        self.subscribers: set[Subscriber] = set()
        self.head: int | None = None
        self.end: int | None = None
        self._newest = 0
        self._reads: dict[int, asyncio.Task[Page]] = {}
        self._begun = asyncio.Event()
        self._running = asyncio.create_task(self._run())

    def enter(self, seen: int | None) -> Subscriber:
        """One who has seen what is up to this seq."""
        subscriber = Subscriber(self, seen)
        self.subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)
            if not self.subscribers:
                self._running.cancel()
                self.on_close(self)

    async def page(self, after: int) -> Page:
        """What is past this seq, read once for all who ask for it at the same time.

        Whoever gives up disturbs no other. Raises Fault, and what the database raises.
        """
        if after not in self._reads:
            self._reads[after] = asyncio.create_task(self._read(after))
            self._reads[after].add_done_callback(lambda _: self._reads.pop(after))
        page = await asyncio.shield(self._reads[after])
        if self.head is None:
            self.head = page.head
            self._begun.set()
        return page

    def fail(self, error: Exception) -> None:
        """All that anybody gets from now on is this error."""
        for subscriber in self.subscribers:
            subscriber.fail(error)

    async def _read(self, after: int) -> Page:
        page = await self.source.read(self.new_context(), after)
        if page.head >= self._newest:  # reads may come back in another order
            self._newest, self.end = page.head, page.head if page.finished else None
        return page

    async def _run(self) -> None:
        """Begins before any read does: what changes from then on is hinted at."""
        try:
            with self.hints.watch(self.source.topic) as watch:
                await self._begun.wait()
                while True:
                    await watch.wait(NO_HINT)
                    await self._look()
                    await asyncio.sleep(self.source.rest)
        except Exception as error:
            self.on_close(self)
            self.fail(RefusedError([as_graphql(error)]))

    async def _look(self) -> None:
        """Hands on whatever is past the head. What is open waits for a database that is away."""
        left = True
        while left:
            try:
                page = await self._read(self.head or 0)
            except UnavailableFault:
                await asyncio.sleep(RETRY)
                continue
            self.head, left = page.through, page.through < page.head
            for subscriber in self.subscribers:
                subscriber.post(page.changes)
