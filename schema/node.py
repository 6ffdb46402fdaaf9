"""The interface of what can be fetched again by its id, and how a row becomes a type."""

from typing import Any, Protocol
from uuid import UUID

import strawberry

__all__ = ["Node", "Row", "global_id", "read_id"]


class Row(Protocol):
    """A row of a statement, by column."""

    def __getitem__(self, column: str, /) -> Any: ...


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


def read_id(id: str) -> UUID | None:
    """The row's key, or None for a text that no row's id is."""
    try:
        key = UUID(id)
    except ValueError:
        return None
    return key if str(key) == id.lower() else None
