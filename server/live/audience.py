"""Everybody in this process who asked the same: what changes is rendered once and handed to all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from typing import Any, cast

from graphql import ExecutionResult as Result
from graphql import Executor, execute_subscription_event
from strawberry.utils.await_maybe import await_maybe

from resolvers.changes import Change, Page
from resolvers.context import Context
from server.live.deliveries import Delivery, Renderings
from server.live.feed import Feed, Flights
from server.live.subscriber import RenderedPage, Subscriber
from server.operations.pipeline import rendered

__all__ = ["Audience"]

AT_ONCE = 25
"""Changes to render before others have their turn: some 4 ms."""

numbers = count()


class Audience:
    """All who asked for the same selection of one feed."""

    def __init__(
        self,
        feed: "Feed[Audience]",
        executor: Executor[Any],
        *,
        renderings: Renderings,
        on_empty: Callable[[], None],
    ) -> None:
        self.feed = feed
        self.executor = executor
        self.renderings = renderings
        self.on_empty = on_empty
        self.can_resume = feed.source.can_resume
        self.subscribers: set[Subscriber] = set()
        self._number = next(numbers)
        self._flights = Flights()

    @property
    def head(self) -> int | None:
        return self.feed.head

    def enter(self, seen: int | None) -> Subscriber:
        """One who has seen what is up to this seq."""
        subscriber = Subscriber(self, seen)
        self.subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber in self.subscribers:
            self.subscribers.remove(subscriber)
            if not self.subscribers:
                self.on_empty()

    async def tell(self, page: Page) -> None:
        async for deliveries in self._deliveries(page):
            for subscriber in self.subscribers:
                subscriber.post(deliveries)

    def fail(self, error: Exception) -> None:
        for subscriber in self.subscribers:
            subscriber.fail(error)

    async def page(self, after: int) -> RenderedPage:
        """What is past this seq, read and rendered once for all who ask for it at the same time."""
        page: RenderedPage = await self._flights.share(after, lambda: self._page(after))
        return page

    async def _page(self, after: int) -> RenderedPage:
        page = await self.feed.read(after)
        return page, [each async for part in self._deliveries(page) for each in part]

    async def _deliveries(self, page: Page) -> AsyncIterator[list[Delivery]]:
        """Bit by bit, so that whoever is told first can be served."""
        context = self.feed.new_context()
        last = page.through if page.is_last else None
        for start in range(0, len(page.changes), AT_ONCE):
            changes = page.changes[start : start + AT_ONCE]
            texts = await self._texts(changes, context)
            yield [
                Delivery(change.key, change.seq, text, change.cursor, change.seq == last)
                for change, text in zip(changes, texts, strict=True)
            ]
            await asyncio.sleep(0)

    async def _texts(self, changes: Sequence[Change], context: Context) -> list[str]:
        """Rendered anew where they are not at hand; an address in them is good for its hour."""
        hour = tuple(context.addresses())
        keys = [(self._number, change.key, change.seq, hour) for change in changes]
        texts = [self.renderings.find(key) for key in keys]
        missing = [at for at, text in enumerate(texts) if text is None]
        results = await _settled([self._execute(changes[at], context) for at in missing])
        for at, result in zip(missing, results, strict=True):
            text = texts[at] = rendered(result)
            if not result.errors:
                self.renderings.keep(keys[at], text)
        return cast("list[str]", texts)

    def _execute(self, change: Change, context: Context) -> "Result | Awaitable[Result]":
        executor = self.executor.build_per_event_executor(change.update)
        executor.context_value = context
        return execute_subscription_event(executor)


async def _settled(results: "Sequence[Result | Awaitable[Result]]") -> Sequence[Result]:
    """All at once where any has to wait, so that their loaders ask for all of them together."""
    if all(isinstance(each, Result) for each in results):
        return cast("Sequence[Result]", results)
    return await asyncio.gather(*map(await_maybe, results))
