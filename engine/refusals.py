"""What a caller can put right: refusals are data, never exceptions."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.words import UserErrorCode

__all__ = [
    "Refusal",
    "TextRule",
    "all_good",
    "not_found",
    "refuse_count",
    "refuse_object",
    "refuse_reference",
    "refuse_text",
    "too_long",
]

MAX_URL = 2048
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]")
CONTROL_BUT_LINES = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
PRINTABLE = bytes(range(0x20, 0x7F))
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
INTEGERS = range(-(2**63), 2**64)
MOST_TEXT = 100_000
MOST_ITEMS = 10_000
MOST_NAMES = 1_000
DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an input is not accepted; path leads to the field below `input`."""

    path: tuple[str, ...]
    code: UserErrorCode
    message: str


def not_found(path: tuple[str, ...], message: str) -> Refusal:
    """Absent, or not the caller's to see: nobody learns which."""
    return Refusal(path=path, code=UserErrorCode.NOT_FOUND, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """How long a text may be, whether it may run over several lines, whether it may be empty."""

    longest: int
    lines: bool = False
    optional: bool = False


def refuse_text(text: str, path: tuple[str, ...], rule: TextRule) -> list[Refusal]:
    """Nothing for a good text; PostgreSQL cannot store NUL, and lone surrogates are no text at all."""
    if (text.strip() or rule.optional) and len(text) <= rule.longest and not _has_control(text, rule):
        return []
    code, problem = _problem(text, rule)
    return [Refusal(path=path, code=code, message=f"{'.'.join(path)} {problem}")]


def all_good(texts: Sequence[str], rule: TextRule) -> bool:
    """Whether all of many texts are good beyond doubt, at a tenth of the price; else ask of each."""
    return (
        all(map(str.strip, texts))
        and max(map(len, texts), default=0) <= rule.longest
        and _is_printable("".join(texts))
    )


def _is_printable(text: str) -> bool:
    """As str.isprintable says, five times as fast for what is ASCII."""
    return not text.encode().translate(None, PRINTABLE) if text.isascii() else text.isprintable()


def _has_control(text: str, rule: TextRule) -> bool:
    # Nearly every text is printable, which is quicker to find out.
    return not text.isprintable() and bool((CONTROL_BUT_LINES if rule.lines else CONTROL).search(text))


def _problem(text: str, rule: TextRule) -> tuple[UserErrorCode, str]:
    if not text.strip() and not rule.optional:
        return UserErrorCode.REQUIRED, "must not be empty."
    if len(text) > rule.longest:
        return UserErrorCode.TOO_MANY, _too_long(len(text), rule)
    return UserErrorCode.INVALID, "holds a control character."


def too_long(length: int, path: tuple[str, ...], rule: TextRule) -> Refusal:
    """For a text that is not there yet, but would be too long."""
    message = f"{'.'.join(path)} {_too_long(length, rule)}"
    return Refusal(path=path, code=UserErrorCode.TOO_MANY, message=message)


def _too_long(length: int, rule: TextRule) -> str:
    return f"has {length:,} characters; at most {rule.longest:,} are allowed."


def refuse_count(count: int, path: tuple[str, ...], *, most: int) -> Iterator[Refusal]:
    """Nothing for a list that is not too long."""
    if count > most:
        yield Refusal(
            path=path,
            code=UserErrorCode.TOO_MANY,
            message=f"{'.'.join(path)} has {count:,} entries; at most {most:,} are allowed.",
        )


def refuse_object(value: Any, path: tuple[str, ...]) -> Iterator[Refusal]:
    """Nothing for a JSON object that PostgreSQL can store."""
    what = ".".join(path)
    if not isinstance(value, dict):
        yield Refusal(path=path, code=UserErrorCode.INVALID, message=f"{what} must be a JSON object.")
    elif not _storable(value):
        yield Refusal(
            path=path,
            code=UserErrorCode.INVALID,
            message=f"{what} is too deep, too large, or holds what JSON cannot.",
        )


def refuse_reference(address: str, path: tuple[str, ...], *, loopback: bool) -> Iterator[Refusal]:
    """Nothing for an https address; plain http only to this very machine, where that is allowed."""
    if not _reachable(address, loopback=loopback):
        yield Refusal(
            path=path,
            code=UserErrorCode.INVALID,
            message=(
                f"{'.'.join(path)} must be an https address of at most {MAX_URL:,} characters "
                "without a login in it."
            ),
        )


def _reachable(address: str, *, loopback: bool) -> bool:
    if len(address) > MAX_URL or not address.isascii() or " " in address or CONTROL.search(address):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and host in LOOPBACK)


def _storable(value: Any, depth: int = 0) -> bool:
    """Whether it goes into a jsonb column and comes back the same."""
    match value:
        case str():
            return len(value) <= MOST_TEXT and not UNSTORABLE.search(value)
        case float():
            return math.isfinite(value)
        case int():
            return value in INTEGERS
        case list():
            return (
                len(value) <= MOST_ITEMS
                and depth < DEEPEST
                and (_plainly_storable(value) or _all_storable(value, depth))
            )
        case dict():
            return (
                len(value) <= MOST_NAMES
                and depth < DEEPEST
                and _all_storable((*value, *value.values()), depth)
            )
        case _:
            return value is None


def _plainly_storable(values: list[Any]) -> bool:
    """A long list is of numbers or of texts, as a rule, and quicker to judge as a whole."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return min(values) in INTEGERS and max(values) in INTEGERS
    return kinds == {str} and max(map(len, values)) <= MOST_TEXT and "".join(values).isprintable()


def _all_storable(values: Iterable[Any], depth: int) -> bool:
    return all(_storable(each, depth + 1) for each in values)
