"""Who asks."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

__all__ = ["ANONYMOUS", "NOBODY_ID", "RequestRole", "Viewer"]

RequestRole = Literal["anon", "authenticated"]

NOBODY_ID = UUID(int=0)
"""Owns what is shared and is never a caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A caller as the token says; what it may see is decided by the database's policies alone.

    expires_at is in seconds since the epoch, None for a caller without a token. introspects says whether the
    token lets its bearer ask about the schema, where that takes a claim.
    """

    user_id: UUID | None
    role: RequestRole
    expires_at: float | None = None
    introspects: bool = False


ANONYMOUS = Viewer(user_id=None, role="anon")
