"""The interface of what can be fetched again by its id, and how a payload stands for rows by their ids."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import strawberry

from engine.ids import read_id

__all__ = ["Node", "global_id", "read_id", "row", "rows"]


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
