"""All that is live in this process: who watches what, and the one look every few seconds for lost hints."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID

import asyncpg
import orjson
import structlog
from graphql import (
    SKIP,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    VariableNode,
    Visitor,
    VisitorAction,
    create_source_event_stream,
    visit,
)
from strawberry.types.graphql import OperationType
from strawberry.utils.await_maybe import await_maybe

from db.session import DATABASE_AWAY
from engine.viewer import Viewer
from resolvers.changes import Source
from resolvers.context import Context, Services, StreamContext
from server.live.audience import Audience
from server.live.deliveries import Delivery, OneAnswer, Renderings, Stream, StreamCutError
from server.live.feed import Feed
from server.live.subscriber import Subscriber
from server.operations.documents import REMEMBERED_DOCUMENTS
from server.operations.pipeline import ANY, Asked, Operation, RefusedError, StudioSchema

__all__ = ["Live", "open_live"]

POLL = 2.0
MOST_RENDERINGS = 10_000
"""As many as a large batch has images: who comes late asks for all of them."""

logger = structlog.get_logger()


class Live:
    """The feeds of one process, each with its audiences; poll() looks for what no hint has told."""

    def __init__(self, schema: StudioSchema, services: Services) -> None:
        self.schema = schema
        self.services = services
        self.renderings = Renderings(MOST_RENDERINGS)
        self.feeds: dict[Hashable, Feed[Audience]] = {}
        self.pulses: dict[UUID, int] = {}

    @property
    def subscribers(self) -> int:
        return sum(len(each.subscribers) for feed in self.feeds.values() for each in feed.audiences.values())

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
        asked = await self.schema.prepare(operation, context, allowed)
        if asked.type is OperationType.SUBSCRIPTION:
            return await self._subscribe(asked, viewer, last_event_id)
        return OneAnswer(Delivery(None, 0, await self.schema.answer(asked, context), None))

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
        seqs = {feed.source.topic: feed.head for feed in feeds if feed.source.can_resume}
        users = {feed.source.topic for feed in feeds if not feed.source.can_resume}
        self.pulses = {user: self.pulses.get(user, 0) for user in users}
        if not feeds:
            return
        async with self.services.database.worker_session() as session:
            moved = await session.rows(
                "moved_topics",
                list(seqs),
                list(seqs.values()),
                list(self.pulses),
                list(self.pulses.values()),
            )
        for row in moved:
            if row["topic"] in users:
                self.pulses[row["topic"]] = row["pulse"]
            self.services.hints.wake(row["topic"])

    async def _subscribe(self, asked: Asked, viewer: Viewer, last_event_id: str | None) -> Subscriber:
        context = StreamContext(
            viewer, self.services, join=partial(self._join, viewer, asked), last_event_id=last_event_id
        )
        stream = await await_maybe(create_source_event_stream(self.schema.executor(asked, context)))
        if isinstance(stream, ExecutionResult):
            raise RefusedError(stream.errors or ())
        return cast("Subscriber", stream)

    async def _join(self, viewer: Viewer, asked: Asked, source: Source, seen: int | None) -> Subscriber:
        subscriber = self._audience(viewer, asked, source).enter(seen)
        try:
            await subscriber.begin()
        except BaseException:
            await subscriber.aclose()
            raise
        return subscriber

    def _audience(self, viewer: Viewer, asked: Asked, source: Source) -> Audience:
        """The one of those who asked the same, or a new one."""
        feed = self._feed(viewer, source)
        key = _sameness(asked)
        audience = feed.audiences.get(key)
        if audience is None:
            audience = feed.audiences[key] = Audience(
                feed,
                self.schema.executor(asked, feed.new_context()),
                renderings=self.renderings,
                on_empty=partial(feed.forget, key),
            )
        return audience

    def _feed(self, viewer: Viewer, source: Source) -> Feed[Audience]:
        """One for all of a viewer's tokens: each stream ends with its own."""
        key = (viewer.user_id, viewer.role, source.topic)
        feed = self.feeds.get(key)
        if feed is None:
            new_context = partial(Context, replace(viewer, expires_at=None), self.services)
            feed = self.feeds[key] = Feed(
                source, self.services.hints, new_context, on_close=partial(self._forget, key)
            )
        return feed

    def _forget(self, key: Hashable, feed: Feed[Audience]) -> None:
        if self.feeds.get(key) is feed:
            del self.feeds[key]


@asynccontextmanager
async def open_live(schema: StudioSchema, services: Services) -> AsyncIterator[Live]:
    """Live streams until the end of the block."""
    live = Live(schema, services)
    polling = asyncio.create_task(live.poll())
    try:
        yield live
    finally:
        polling.cancel()
        live.cut()
        with suppress(asyncio.CancelledError):
            await polling


def _sameness(asked: Asked) -> Hashable:
    """What two operations must share so that one answer serves both: all but where they begin."""
    operation = asked.operation
    begins = _beginning(asked.document)
    variables = {name: value for name, value in (operation.variables or {}).items() if name != begins}
    return operation.query, operation.name, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=REMEMBERED_DOCUMENTS)
def _beginning(document: DocumentNode) -> str | None:
    """The variable that says where batchResults begins, if it is used for nothing else."""
    uses = _VariableUses()
    visit(document, uses)
    return uses.after if uses.all.count(uses.after) == 1 else None


class _VariableUses(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.all: list[str | None] = []
        self.after: str | None = None

    def enter_variable_definition(self, *_: Any) -> VisitorAction:
        return SKIP

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "batchResults":
            given = [each.value for each in node.arguments or () if each.name.value == "after"]
            self.after = next((each.name.value for each in given if isinstance(each, VariableNode)), None)

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.all.append(node.name.value)
