"""What a caller can put right: refusals are data, never exceptions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.words import UserErrorCode

__all__ = ["Refusal", "TextRule", "refuse_object", "refuse_reference", "refuse_text"]

MAX_URL = 2048
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an input is not accepted; path leads to the field below `input`."""

    path: tuple[str, ...]
    code: UserErrorCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """How long a text may be, and whether it may run over several lines."""

    longest: int
    lines: bool = False


def refuse_text(text: str, path: tuple[str, ...], rule: TextRule) -> Iterator[Refusal]:
    """Nothing for a good text; PostgreSQL cannot store NUL, and lone surrogates are no text at all."""
    what = path[-1]
    if not text.strip():
        yield Refusal(path=path, code=UserErrorCode.REQUIRED, message=f"{what} must not be empty.")
    elif len(text) > rule.longest:
        yield Refusal(
            path=path,
            code=UserErrorCode.TOO_MANY,
            message=f"{what} has {len(text):,} characters; at most {rule.longest:,} are allowed.",
        )
    elif not _printable(text, lines=rule.lines):
        yield Refusal(
            path=path,
            code=UserErrorCode.INVALID,
            message=f"{what} holds a control character.",
        )


def refuse_object(value: Any, path: tuple[str, ...]) -> Iterator[Refusal]:
    """Nothing for a JSON object that PostgreSQL can store."""
    if not isinstance(value, dict):
        yield Refusal(path=path, code=UserErrorCode.INVALID, message=f"{path[-1]} must be a JSON object.")
    elif not _storable(value):
        yield Refusal(
            path=path,
            code=UserErrorCode.INVALID,
            message=f"{path[-1]} is too deep, too large, or holds what JSON cannot.",
        )


def refuse_reference(address: str, path: tuple[str, ...], *, loopback: bool) -> Iterator[Refusal]:
    """Nothing for an https address; plain http only to this very machine, where that is allowed."""
    if not _reachable(address, loopback=loopback):
        yield Refusal(
            path=path,
            code=UserErrorCode.INVALID,
            message=f"{path[-1]} must be an https address of at most {MAX_URL:,} characters.",
        )


def _reachable(address: str, *, loopback: bool) -> bool:
    if len(address) > MAX_URL or not address.isascii() or not _printable(address, lines=False):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or " " in address:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and host in LOOPBACK)


def _printable(text: str, *, lines: bool) -> bool:
    allowed = "\n\r\t" if lines else ""
    return all(
        (ord(each) >= 32 and not 0x7F <= ord(each) < 0xA0 and not 0xD800 <= ord(each) < 0xE000)
        or each in allowed
        for each in text
    )


def _storable(value: Any, depth: int = 0) -> bool:
    if depth > 20:
        return False
    match value:
        case str():
            return len(value) <= 100_000 and "\0" not in value and _encodable(value)
        case float():
            return value == value and abs(value) != float("inf")
        case int():
            return abs(value) < 10**30
        case list():
            return len(value) <= 10_000 and all(_storable(each, depth + 1) for each in value)
        case dict():
            return len(value) <= 1_000 and all(
                _storable(name, depth) and _storable(each, depth + 1) for name, each in value.items()
            )
        case _:
            return value is None


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(each) < 0xE000 for each in text)
