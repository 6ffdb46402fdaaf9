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
    "BATCHES",
    "BATCHES_OF_COLLECTIONS",
    "COLLECTIONS",
    "GENERATIONS_OF_BATCHES",
    "IMAGES",
    "IMAGES_OF_BATCHES",
    "IMAGES_OF_COLLECTIONS",
    "LISTINGS",
    "Listing",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The statements of a list: its pages and its count; of a nested list, for many parents at once.

    field is the list's place in the API; its cursors carry it, so that no other list takes them.
    Parameters of the pages: the parents of a nested list, the order's bounds, the limit, then the
    signer where addresses are signed, then the statuses where the list can be narrowed to some.
    """

    field: str
    pages: str
    counts: str
    order: Order
    signed: bool = True
    narrowed: bool = False

    def bounds(self, after: str | None) -> tuple[Any, ...]:
        """The keys after which a page begins. Raises BadCursorError."""
        if after is None:
            return self.order.start
        field, *keys = decode_keys(after) or [None]
        readers = self.order.readers
        if field != self.field or len(keys) != len(readers):
            raise BadCursorError
        return tuple(read(key) for read, key in zip(readers, keys, strict=True))

    def cursor(self, row: Row) -> str:
        return encode_keys(self.field, *(row[column] for column in self.order.columns))


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

BATCHES = Listing(
    field="Query.batches", pages="batch_page", counts="batch_count", order=NEWEST_FIRST, signed=False
)
IMAGES = Listing(field="Query.images", pages="image_page", counts="image_count", order=NEWEST_FIRST)
COLLECTIONS = Listing(
    field="Query.collections",
    pages="collection_page",
    counts="collection_count",
    order=BY_NAME,
    signed=False,
)
GENERATIONS_OF_BATCHES = Listing(
    field="Batch.generations",
    pages="generations_of_batches",
    counts="generation_counts_of_batches",
    order=BY_POSITION,
    narrowed=True,
)
IMAGES_OF_BATCHES = Listing(
    field="Batch.images",
    pages="images_of_batches",
    counts="image_counts_of_batches",
    order=BY_PLACE,
)
BATCHES_OF_COLLECTIONS = Listing(
    field="Collection.batches",
    pages="batches_of_collections",
    counts="batch_counts_of_collections",
    order=NEWEST_FIRST,
    signed=False,
)
IMAGES_OF_COLLECTIONS = Listing(
    field="Collection.images",
    pages="images_of_collections",
    counts="image_counts_of_collections",
    order=BY_BATCH,
)
LISTINGS = {
    listing.field: listing
    for listing in (
        BATCHES,
        IMAGES,
        COLLECTIONS,
        GENERATIONS_OF_BATCHES,
        IMAGES_OF_BATCHES,
        BATCHES_OF_COLLECTIONS,
        IMAGES_OF_COLLECTIONS,
    )
}


def connection(
    rows: Sequence[Row],
    *,
    listing: Listing,
    first: int,
    after: str | None,
    of: Callable[[Row], N],
    count: Callable[[], Awaitable[int]],
) -> Connection[N]:
    """A connection from up to first + 1 rows: the one too many tells that more follow."""
    edges = [Edge(cursor=listing.cursor(row), node=of(row)) for row in rows[:first]]
    page_info = PageInfo(
        has_next_page=len(rows) > first,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=page_info, count=count)
