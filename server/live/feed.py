"""One source that is watched: read once under its viewer's role, for all the audiences that want it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import ExitStack
from typing import Any, Generic, Protocol, TypeVar

from engine.seams import Hints
from resolvers.changes import Page, Source
from resolvers.context import Context
from resolvers.faults import UnavailableFault
from server.operations.pipeline import RefusedError, as_graphql

__all__ = ["Feed", "Flights"]

RETRY = 0.5
NO_HINT = 3600.0
"""Seconds without a hint: server.live.streams wakes whatever has missed one."""

L = TypeVar("L", bound="Listener")


class Listener(Protocol):
    """What a feed needs of an audience."""

    async def tell(self, page: Page) -> None: ...

    def fail(self, error: Exception) -> None: ...


class Flights:
    """What is asked for again while it is under way is done once, and whoever gives up disturbs no other."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def share(self, key: Hashable, work: Callable[[], Awaitable[Any]]) -> Any:
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(work())
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(task)


class Feed(Generic[L]):
    """A source, its hints, and how far it has been handed on.

    head is the seq up to which its audiences are told, or are being told. Whoever is in one of them,
    and then reads up to the head, misses nothing from then on. It ends when the last audience is gone.
    """

    def __init__(
        self,
        source: Source,
        hints: Hints,
        new_context: Callable[[], Context],
        *,
        on_close: Callable[["Feed[L]"], None],
    ) -> None:
        self.source = source
        self.new_context = new_context
        self.on_close = on_close
        self.audiences: dict[Hashable, L] = {}
        self.head: int | None = None
        self._flights = Flights()
        self._begun = asyncio.Event()
        self._stack = ExitStack()
        self._watch = self._stack.enter_context(hints.watch(source.topic))
        self._running = asyncio.create_task(self._run())

    async def read(self, after: int) -> Page:
        """What is past this seq. Raises Fault, and what the database raises."""
        page: Page = await self._flights.share(after, lambda: self.source.read(self.new_context(), after))
        if self.head is None:
            self.head = page.head
            self._begun.set()
        return page

    def forget(self, key: Hashable) -> None:
        """An audience is gone."""
        del self.audiences[key]
        if not self.audiences:
            self._running.cancel()
            self._stack.close()
            self.on_close(self)

    def fail(self, error: Exception) -> None:
        """All that anybody gets from now on is this error."""
        for audience in self.audiences.values():
            audience.fail(error)

    async def _run(self) -> None:
        await self._begun.wait()
        try:
            while True:
                await self._watch.wait(NO_HINT)
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
                page = await self.source.read(self.new_context(), self.head or 0)
            except UnavailableFault:
                await asyncio.sleep(RETRY)
                continue
            self.head, left = page.through, page.through < page.head
            for audience in list(self.audiences.values()):
                await audience.tell(page)
