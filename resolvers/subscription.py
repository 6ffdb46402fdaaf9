"""What changes, as it happens."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import strawberry

from db.reading.statements import CHANGES, SINGLES, compile_updates
from engine.cursors import BatchCursor
from engine.ids import read_id
from resolvers.changes import BatchChanges, Updates, no_such_batch
from resolvers.context import StreamContext
from resolvers.faults import bad_input, unauthenticated
from resolvers.movements import HistoryChanges
from resolvers.shaped import asked_by
from schema.payloads import BatchUpdate, HistoryUpdate

__all__ = ["Subscription"]

Info = strawberry.Info[StreamContext, None]


@strawberry.type(description="Live.")
class Subscription:
    @strawberry.subscription(
        description=(
            "What changes in one batch, in commit order: cursors only rise, nothing comes twice, and "
            "every generation's last state always comes (a state overtaken before it was read may be "
            "skipped for its successor). Starts with what stands after the cursor (everything, without "
            "one), goes on live, and completes after the batch's last change. A client that lost its "
            "connection subscribes again with the last cursor it saw."
        )
    )
    async def batch_results(
        self,
        info: Info,
        batch_id: Annotated[strawberry.ID, strawberry.argument(description="The batch.")],
        after: Annotated[str | None, strawberry.argument(description="The last cursor seen.")] = None,
    ) -> AsyncIterator[BatchUpdate]:
        key = read_id(batch_id)
        if key is None:
            raise no_such_batch()
        seen = _read_cursor(key, info.context.last_event_id or after)
        asked, selecting = asked_by(info._raw_info)
        updates = Updates.of(asked, selecting.arguments(), compile_updates(asked, CHANGES))
        return await info.context.join(BatchChanges(key, updates), seen)

    @strawberry.subscription(
        description=(
            "Changes of all the caller's batches and single generations as they happen, for a History "
            "page that is open. Without a cursor: a client reads its page again when it connects."
        )
    )
    async def history_updates(self, info: Info) -> AsyncIterator[HistoryUpdate]:
        user_id = info.context.viewer.user_id
        if user_id is None:
            raise unauthenticated()
        asked, selecting = asked_by(info._raw_info)
        batches, singles = (
            Updates.of(asked, selecting.arguments(), compile_updates(asked, each))
            for each in (CHANGES, SINGLES)
        )
        return await info.context.join(HistoryChanges(user_id, batches, singles), None)


def _read_cursor(key: UUID, after: str | None) -> int | None:
    """The seq of the last change seen. Raises BadCursorError and Fault."""
    if after is None:
        return None
    cursor = BatchCursor.decode(after)
    if cursor.batch_id != key:
        raise bad_input("This cursor is of another batch.")
    return cursor.seq
