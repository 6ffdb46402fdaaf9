"""One stream's side of a feed: what it is sent, in order and once, however fast its client reads."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self
from uuid import UUID

from resolvers.changes import Change
from resolvers.faults import Fault
from server.operations.errors import RefusedError, as_graphql

if TYPE_CHECKING:
    from server.live.feed import Feed

__all__ = ["StreamCutError", "Subscriber"]

MOST_WAITING = 100
"""Changes that wait for a client before it counts as one that does not keep up."""
MOST_LASTING = 1_000
"""The same where nothing can be read again."""


class StreamCutError(Exception):
    """The service stops: the stream is not at its end, and its client may go on elsewhere."""


class Subscriber:
    """An async iterator of changes, whose seq only rises. Begin it before, close it in the end.

    One who is behind is handed nothing: it reads page by page from what it was sent last, until it has
    read up to what the others are told, and is then told with them. So what it costs is bounded, and it
    joins in the same way as it catches up.
    """

    def __init__(self, feed: "Feed", seen: int | None) -> None:
        self.feed = feed
        self.sent = -1 if seen is None else seen
        self.is_behind = True
        self._waiting: dict[UUID | None, Change] = {}
        self._news = asyncio.Event()
        self._failure: Exception | None = None

    async def begin(self) -> None:
        """Raises what the first look raises, for one."""
        if self.feed.source.can_resume:
            await self._catch_up()
            return
        if self.feed.head is None:
            await self.feed.page(self.sent)
        self.sent = self.feed.head or 0
        self.is_behind = False

    async def aclose(self) -> None:
        self.feed.leave(self)

    def post(self, changes: Sequence[Change]) -> None:
        """What is past all that was posted before."""
        if self.is_behind:
            return
        self._put(changes)
        self._news.set()
        if self.feed.source.can_resume and len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            self.is_behind = True
        elif len(self._waiting) > MOST_LASTING:
            overrun = Fault("OVERRUN", "More has changed than was read: read the page again.")
            self.fail(RefusedError([overrun]))

    def fail(self, error: Exception) -> None:
        """Nothing more comes but this error."""
        self._failure = error
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while True:
            if self._failure:
                raise self._failure
            if not self._waiting:
                await self._more()
                continue
            change = self._waiting.pop(next(iter(self._waiting)))
            if change.seq > self.sent:
                self.sent = change.seq
                self._keep_up()
                return change

    async def _more(self) -> None:
        """Returns when there may be something. Raises StopAsyncIteration at the end."""
        if self.sent == self.feed.end:
            raise StopAsyncIteration
        if not self.is_behind:
            await self._news.wait()
            self._news.clear()
            return
        try:
            await self._catch_up()
        except Exception as error:
            raise RefusedError([as_graphql(error)]) from error

    async def _catch_up(self) -> None:
        page = await self.feed.page(self.sent)
        self._put(page.changes)
        self._keep_up()

    def _put(self, changes: Sequence[Change]) -> None:
        """Each in the place of an older one with its key, and behind all that waits."""
        for change in changes:
            self._waiting.pop(change.key, None)
            self._waiting[change.key] = change

    def _keep_up(self) -> None:
        """From where the others are told, it is told with them."""
        if self.is_behind and not self._waiting:
            self.is_behind = self.sent < (self.feed.head or 0)
