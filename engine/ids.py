"""Ids of rows: UUIDs, in the API as their text."""

import re
from uuid import UUID

__all__ = ["is_id", "read_id"]

TEXT_OF_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""The one form of many that PostgreSQL and Python read."""


def is_id(text: str) -> bool:
    """Whether a row may have it."""
    return TEXT_OF_UUID.fullmatch(text) is not None


def read_id(id: str) -> UUID | None:
    """The row's key, or None for a text that no row's id is."""
    return UUID(id) if is_id(id) else None
