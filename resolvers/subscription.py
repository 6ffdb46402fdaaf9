"""What changes, as it happens: read past the cursor, wait for a hint, read again."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import strawberry

from engine.cursors import BatchCursor
from engine.words import BatchStatus
from resolvers.context import Context
from resolvers.faults import Fault, bad_input
from schema.history import Batch, Generation
from schema.node import Row, read_id
from schema.payloads import BatchUpdate

__all__ = ["Subscription"]

Info = strawberry.Info[Context, None]
CHANGES_AT_ONCE = 100
POLL = 2.0
"""Seconds after which to look again without a hint: one may be lost."""


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
            raise _no_such_batch()
        seen = _read_cursor(key, after)
        with info.context.services.hints.watch(key) as watch:
            finished = False
            while not finished:
                rows = await _changes(info.context, key, seen)
                for update, seq in _updates(rows, seen):
                    seen = seq
                    yield update
                finished = _ends(rows, seen)
                if not finished and len(rows) < CHANGES_AT_ONCE:
                    await watch.wait(POLL)


async def _changes(context: Context, key: UUID, seen: int | None) -> list[Row]:
    """One row a change, the first with the batch beside it; one row without a change where there is none."""
    signer = context.services.signer()
    async with context.session() as session:
        rows = await session.rows(
            "changes_of_batch", key, -1 if seen is None else seen, CHANGES_AT_ONCE, signer
        )
    if not rows:
        raise _no_such_batch()
    if seen is not None and seen > rows[0]["batch"]["seq"]:
        raise bad_input("This cursor is from the future of the batch.")
    return list(rows)


def _updates(rows: list[Row], seen: int | None) -> list[tuple[BatchUpdate, int]]:
    """The changes past what was seen, each with its seq; at last a change of the batch alone, if any."""
    batch = rows[0]["batch"]
    updates = [(_update(batch, row, row["seq"]), row["seq"]) for row in rows if row["id"]]
    last = max((seq for _, seq in updates), default=-1 if seen is None else seen)
    if len(updates) < CHANGES_AT_ONCE and batch["seq"] > last:
        updates.append((_update(batch, None, batch["seq"]), batch["seq"]))
    return updates


def _update(batch: Row, row: Row | None, seq: int) -> BatchUpdate:
    return BatchUpdate(
        cursor=BatchCursor(batch["id"], seq).encode(),
        generation=Generation.of(row) if row else None,
        batch=Batch.of(batch),
    )


def _ends(rows: list[Row], seen: int | None) -> bool:
    batch = rows[0]["batch"]
    return BatchStatus(batch["status"]).finished and seen == batch["seq"]


def _read_cursor(key: UUID, after: str | None) -> int | None:
    """The seq of the last change seen. Raises BadCursorError and Fault."""
    if after is None:
        return None
    cursor = BatchCursor.decode(after)
    if cursor.batch_id != key:
        raise bad_input("This cursor is of another batch.")
    return cursor.seq


def _no_such_batch() -> Fault:
    return Fault("NOT_FOUND", "There is no such batch.")
