"""Keyset pages: from (first, after) to the bounds of a statement, from its rows to a connection."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from engine.cursors import (
    BadCursorError,
    decode_keys,
    encode_keys,
    read_position,
    read_text,
    read_time,
    read_uuid,
)
from schema.connections import Connection, Edge, PageInfo
from schema.node import Row

__all__ = [
    "BY_BATCH",
    "BY_NAME",
    "BY_PLACE",
    "BY_POSITION",
    "NEWEST_FIRST",
    "Listing",
    "Order",
    "connection",
]

N = TypeVar("N")
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
BEGINNING_OF_TIME = datetime(1, 1, 2, tzinfo=UTC)
FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The columns a list is ordered by, how a cursor's keys are read, and what precedes every row."""

    columns: tuple[str, ...]
    readers: tuple[Callable[[Any], Any], ...]
    start: tuple[Any, ...]

    def bounds(self, after: str | None) -> tuple[Any, ...]:
        """The keys after which a page begins. Raises BadCursorError."""
        if after is None:
            return self.start
        keys = decode_keys(after)
        if len(keys) != len(self.readers):
            raise BadCursorError
        return tuple(read(key) for read, key in zip(self.readers, keys, strict=True))

    def cursor(self, row: Row) -> str:
        return encode_keys(*(row[column] for column in self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The statements of a list: its pages and its count; of a nested list, for many parents at once.

    Parameters: the parents of a nested list, the order's bounds, the limit, then the signer where
    addresses are signed, then the statuses where the list can be narrowed to some.
    """

    pages: str
    counts: str
    order: Order
    signed: bool = True
    narrowed: bool = False


NEWEST_FIRST = Order(
    columns=("created_at", "id"), readers=(read_time, read_uuid), start=(END_OF_TIME, LAST_ID)
)
BY_NAME = Order(columns=("name", "id"), readers=(read_text, read_uuid), start=("", FIRST_ID))
BY_POSITION = Order(columns=("position", "id"), readers=(read_position, read_uuid), start=(-1, FIRST_ID))
BY_PLACE = Order(
    columns=("position", "created_at", "id"),
    readers=(read_position, read_time, read_uuid),
    start=(-1, BEGINNING_OF_TIME, FIRST_ID),
)
BY_BATCH = Order(
    columns=("batch_id", "position", "id"),
    readers=(read_uuid, read_position, read_uuid),
    start=(FIRST_ID, -1, FIRST_ID),
)


def connection(
    rows: Sequence[Row],
    *,
    order: Order,
    first: int,
    after: str | None,
    of: Callable[[Row], N],
    count: Callable[[], Awaitable[int]],
) -> Connection[N]:
    """A connection from up to first + 1 rows: the one too many tells that more follow."""
    edges = [Edge(cursor=order.cursor(row), node=of(row)) for row in rows[:first]]
    page_info = PageInfo(
        has_next_page=len(rows) > first,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=page_info, count=count)
