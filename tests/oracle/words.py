"""What an answer should be, where more than one text of it is right: compared by meaning, not by spelling."""

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Address", "Cursor", "Instant", "Real", "Signing", "difference"]

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment in UTC: `.12+00:00` and `.120000+00:00` are one."""

    at: datetime

    def equals(self, actual: Any) -> bool:
        return (
            isinstance(actual, str)
            and actual.endswith("+00:00")
            and datetime.fromisoformat(actual) == self.at
        )


@dataclass(frozen=True, slots=True)
class Real:
    """A number of four bytes: 0.1 and 0.10000000149011612 are one."""

    value: float

    def equals(self, actual: Any) -> bool:
        return type(actual) in (int, float) and struct.pack("f", actual) == struct.pack("f", self.value)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Base64 over a JSON list of keys, each compared by what it is."""

    keys: tuple[Any, ...]

    def equals(self, actual: Any) -> bool:
        found = json.loads(base64.urlsafe_b64decode(actual + "=" * (-len(actual) % 4)))
        return len(found) == len(self.keys) and all(map(_is_key, self.keys, found))

    @property
    def text(self) -> str:
        keys = [each.isoformat() if isinstance(each, datetime) else _plain(each) for each in self.keys]
        return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Signing:
    """What addresses are signed with, and what they begin with."""

    secret: bytes
    base: str

    def signature(self, key: str, expires: int) -> str:
        hour = expires // HOUR - 2
        hourly = hmac.digest(self.secret, f"batch-studio files {hour}".encode(), "sha256")
        made = hmac.new(hourly, f"?expires={expires}&signature={key}".encode(), hashlib.sha256)
        return made.hexdigest()


@dataclass(frozen=True, slots=True)
class Address:
    """A signed address of this key, good for one to two hours; by its own HMAC."""

    signing: Signing
    key: str

    def equals(self, actual: Any) -> bool:
        path, _, query = actual.partition("?")
        asked = parse_qs(query)
        expires = int(asked["expires"][0])
        return (
            path == self.signing.base + self.key
            and asked["signature"] == [self.signing.signature(self.key, expires)]
            and expires % HOUR == 0
            and HOUR - 60 < expires - time() <= 2 * HOUR
        )


def difference(expected: Any, actual: Any, place: str = "data") -> str | None:
    """The first place where an answer is not what it should be; the order of keys counts."""
    match expected:
        case Instant() | Real() | Cursor() | Address():
            return None if actual is not None and expected.equals(actual) else _told(place, expected, actual)
        case Mapping():
            return _of_objects(expected, actual, place)
        case list() | tuple():
            return _of_lists(expected, actual, place)
        case _:
            return None if _is_same(expected, actual) else _told(place, expected, actual)


def _of_objects(expected: Mapping[str, Any], actual: Any, place: str) -> str | None:
    if not isinstance(actual, dict) or list(actual) != list(expected):
        return _told(place, expected, actual)
    each = (difference(value, actual[key], f"{place}.{key}") for key, value in expected.items())
    return next(filter(None, each), None)


def _of_lists(expected: Sequence[Any], actual: Any, place: str) -> str | None:
    if not isinstance(actual, list) or len(actual) != len(expected):
        return _told(place, expected, actual)
    each = (difference(value, actual[at], f"{place}[{at}]") for at, value in enumerate(expected))
    return next(filter(None, each), None)


def _is_same(expected: Any, actual: Any) -> bool:
    """True is not 1; a number above 64 bits may have become a float on its way."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return expected == actual or (
            isinstance(expected, float) is not isinstance(actual, float) and float(expected) == float(actual)
        )
    return type(expected) is type(actual) and expected == actual


def _is_key(expected: Any, found: Any) -> bool:
    if isinstance(expected, datetime):
        return isinstance(found, str) and datetime.fromisoformat(found) == expected
    return _is_same(_plain(expected), found)


def _plain(key: Any) -> Any:
    return key if isinstance(key, str | int) else str(key)


def _told(place: str, expected: Any, actual: Any) -> str:
    return f"{place} should be {expected!r:.2000} and is {actual!r:.2000}"
