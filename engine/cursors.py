"""Opaque cursors: the key of the last row seen, base64 over JSON."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

__all__ = [
    "BadCursorError",
    "BatchCursor",
    "decode_keys",
    "encode_keys",
    "read_position",
    "read_text",
    "read_time",
    "read_uuid",
]

MAX_CURSOR = 4_000
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


class BadCursorError(ValueError):
    """The text is no cursor of ours, or one of another list."""

    def __init__(self) -> None:
        super().__init__("This is not a cursor of this list.")


def encode_keys(*keys: Any) -> str:
    """A cursor for a row's keys: texts, numbers, times and UUIDs."""
    text = json.dumps([_plain(key) for key in keys], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_keys(cursor: str) -> list[Any]:
    """The keys as plain JSON values. Raises BadCursorError."""
    if not cursor or len(cursor) > MAX_CURSOR or not cursor.isascii():
        raise BadCursorError
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keys = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursorError from None
    if not isinstance(keys, list):
        raise BadCursorError
    return keys


def read_uuid(key: Any) -> UUID:
    """The UUID that a cursor's key must be. Raises BadCursorError."""
    try:
        return UUID(key)
    except (ValueError, TypeError, AttributeError):
        raise BadCursorError from None


def read_time(key: Any) -> datetime:
    """The instant, in UTC, that a cursor's key must be. Raises BadCursorError."""
    try:
        time = datetime.fromisoformat(key)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    raise BadCursorError


def read_position(key: Any) -> int:
    """The place in a batch that a cursor's key must be. Raises BadCursorError."""
    if type(key) is int and -1 <= key < 2**31:
        return key
    raise BadCursorError


def read_text(key: Any) -> str:
    """The text that a cursor's key must be, one that PostgreSQL can take. Raises BadCursorError."""
    if isinstance(key, str) and UNSTORABLE.search(key) is None:
        return key
    raise BadCursorError


@dataclass(frozen=True, slots=True)
class BatchCursor:
    """How far a stream of one batch has been read: the batch's seq at the last change seen."""

    batch_id: UUID
    seq: int

    def encode(self) -> str:
        return encode_keys(self.batch_id, self.seq)

    @classmethod
    def decode(cls, cursor: str) -> "BatchCursor":
        """Raises BadCursorError."""
        match decode_keys(cursor):
            case [batch_id, seq] if type(seq) is int and 0 <= seq < 2**63:
                return cls(read_uuid(batch_id), seq)
            case _:
                raise BadCursorError


def _plain(key: Any) -> Any:
    if isinstance(key, datetime):
        return key.isoformat()
    return str(key) if isinstance(key, UUID) else key
