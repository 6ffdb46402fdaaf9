"""All that is live in this process: who watches what, and the one look every few seconds for lost hints."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TypeAlias, cast
from uuid import UUID

import asyncpg
import structlog
from graphql import ExecutionResult, OperationType, create_source_event_stream
from strawberry.utils.await_maybe import await_maybe

from db.session import DATABASE_AWAY
from engine.viewer import Viewer
from resolvers.changes import Change, Source
from resolvers.context import Context, Services, StreamContext
from server.live.feed import Feed
from server.live.subscriber import StreamCutError, Subscriber
from server.operations.errors import RefusedError
from server.operations.pipeline import ANY, Admitted, Operation, Pipeline

__all__ = ["Live", "Stream", "open_live"]

Stream: TypeAlias = Subscriber | AsyncGenerator[Change, None]
"""Changes as they come. Raises RefusedError and StreamCutError; close it in the end."""

POLL = 2.0

logger = structlog.get_logger()


class Live:
    """The feeds of one process; poll() looks for what no hint has told."""

    def __init__(self, pipeline: Pipeline, services: Services) -> None:
        self.pipeline = pipeline
        self.services = services
        self.feeds: dict[Hashable, Feed] = {}
        self.pulses: dict[UUID, int] = {}

    @property
    def subscribers(self) -> int:
        return sum(len(feed.subscribers) for feed in self.feeds.values())

    async def open(
        self,
        operation: Operation,
        viewer: Viewer,
        *,
        allowed: Iterable[OperationType] = ANY,
        last_event_id: str | None = None,
    ) -> Stream:
        """What answers an operation, to be closed in the end. Raises RefusedError."""
        context = Context(viewer, self.services)
        asked = self.pipeline.prepare(operation, context, allowed)
        if asked.operation.operation is OperationType.SUBSCRIPTION:
            return await self._subscribe(asked, viewer, last_event_id)
        return _only(await self.pipeline.answer(asked, context))

    def cut(self) -> None:
        """Ends all streams, none of them as if it were complete."""
        for feed in list(self.feeds.values()):
            feed.fail(StreamCutError())

    async def poll(self) -> None:
        """Wakes, by one statement for the whole process, whoever has missed something; until cancelled."""
        while True:
            await asyncio.sleep(POLL)
            try:
                await self._look()
            except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
                logger.warning("poll_failed", reason=type(error).__name__)
            except Exception:
                logger.exception("poll_failed")  # without any look, streams could hang

    async def _look(self) -> None:
        feeds = [feed for feed in self.feeds.values() if feed.head is not None]
        feeds.sort(key=lambda feed: -(feed.head or 0))  # of a topic's, that which was told least is last
        seqs = {feed.source.topic: feed.head for feed in feeds if feed.source.can_resume}
        users = {feed.source.topic for feed in feeds if not feed.source.can_resume}
        self.pulses = {user: self.pulses.get(user, 0) for user in users}
        if not feeds:
            return
        async with self.services.database.worker_session() as session:
            known = [list(seqs), list(seqs.values()), list(self.pulses), list(self.pulses.values())]
            moved = await session.rows("moved_topics", *known)
        for row in moved:
            if row["topic"] in users:
                self.pulses[row["topic"]] = row["pulse"]
            self.services.hints.wake(row["topic"])

    async def _subscribe(self, asked: Admitted, viewer: Viewer, last_event_id: str | None) -> Subscriber:
        join = partial(self._join, viewer)
        context = StreamContext(viewer, self.services, join=join, last_event_id=last_event_id)
        stream = await await_maybe(create_source_event_stream(self.pipeline.executor(asked, context)))
        if isinstance(stream, ExecutionResult):
            raise RefusedError(stream.errors or ())
        return cast("Subscriber", stream)

    async def _join(self, viewer: Viewer, source: Source, seen: int | None) -> Subscriber:
        subscriber = self._feed(viewer, source).enter(seen)
        try:
            await subscriber.begin()
        except BaseException:
            await subscriber.aclose()
            raise
        return subscriber

    def _feed(self, viewer: Viewer, source: Source) -> Feed:
        """One for all who asked the same, with any of a viewer's tokens: each stream ends with its own."""
        key = (viewer.user_id, viewer.role, source.topic, source.sameness)
        feed = self.feeds.get(key)
        if feed is None:
            new_context = partial(Context, replace(viewer, expires_at=None), self.services)
            feed = self.feeds[key] = Feed(
                source, self.services.hints, new_context, on_close=partial(self._forget, key)
            )
        return feed

    def _forget(self, key: Hashable, feed: Feed) -> None:
        if self.feeds.get(key) is feed:
            del self.feeds[key]


async def _only(answer: bytes) -> AsyncGenerator[Change, None]:
    """The stream of a query or a mutation."""
    yield Change(key=None, seq=0, cursor=None, answer=answer.decode())


@asynccontextmanager
async def open_live(pipeline: Pipeline, services: Services) -> AsyncIterator[Live]:
    """Live streams until the end of the block."""
    live = Live(pipeline, services)
    polling = asyncio.create_task(live.poll())
    try:
        yield live
    finally:
        polling.cancel()
        live.cut()
        with suppress(asyncio.CancelledError):
            await polling
