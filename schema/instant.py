"""The scalar DateTime: instants as PostgreSQL writes them in JSON, which they mostly are already."""

from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry.exceptions import StrawberryInputCoercionError

__all__ = ["INSTANT"]


def _written(value: Any) -> str:
    """A text comes from the database."""
    return value if isinstance(value, str) else value.astimezone(UTC).isoformat()


def _read(value: object) -> datetime:
    """In UTC. An instant without an offset is none."""
    try:
        instant = datetime.fromisoformat(value)  # type: ignore[arg-type]
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise StrawberryInputCoercionError("A DateTime is an ISO 8601 instant with an offset.")


INSTANT = strawberry.scalar(
    name="DateTime",
    description="An ISO 8601 instant with an offset.",
    serialize=_written,
    parse_value=_read,
)
