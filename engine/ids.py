"""Ids of rows: UUIDs, in the API as their text."""

import re
from uuid import UUID

__all__ = ["read_id"]

TEXT_OF_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""The one form of many that PostgreSQL and Python read."""


def read_id(id: str) -> UUID | None:
    """The row's key, or None for a text that no row's id is."""
    return UUID(id) if TEXT_OF_UUID.fullmatch(id) else None
