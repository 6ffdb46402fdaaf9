"""The interface of what can be fetched again by its id, and how a payload stands for rows by their ids."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

if TYPE_CHECKING:
    from schema.collection import Collection
    from schema.history import Batch, Generation
    from schema.image import Image

__all__ = ["LazyBatch", "LazyCollection", "LazyGeneration", "LazyImage", "Node", "global_id", "row", "rows"]

LazyBatch = Annotated["Batch", strawberry.lazy("schema.history")]
LazyCollection = Annotated["Collection", strawberry.lazy("schema.collection")]
LazyGeneration = Annotated["Generation", strawberry.lazy("schema.history")]
LazyImage = Annotated["Image", strawberry.lazy("schema.image")]


@strawberry.interface(
    description=(
        "An object that can be fetched again by its id. An id is the row's UUID, in the API and in SQL alike."
    )
)
class Node:
    id: strawberry.ID = strawberry.field(description="The row's UUID.")


def global_id(key: UUID) -> strawberry.ID:
    """The id of a row."""
    return strawberry.ID(str(key))


def row(key: UUID | None) -> Any:
    """In a payload: the row with this id, which is read as the client asks for it; None for none."""
    return key


def rows(keys: Iterable[UUID]) -> Any:
    """In a payload: these rows, in this order."""
    return list(keys)
