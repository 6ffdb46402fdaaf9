"""Ids of rows: UUIDs, in the API as their text."""

from uuid import UUID

__all__ = ["read_id"]


def read_id(id: str) -> UUID | None:
    """The row's key, or None for a text that no row's id is."""
    try:
        key = UUID(id)
    except ValueError:
        return None
    return key if str(key) == id.lower() else None
