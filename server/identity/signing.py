"""Signed file addresses: HMAC-SHA256 with a key for each hour, as studio.signed_address makes them.

An address is good until the hour after the one it was signed in has passed: one to two hours, and
the same for every answer within the hour.
"""

import hmac
import time
from collections.abc import Callable

__all__ = ["Signer", "digest"]

HOUR = 3600
GOOD_FOR = 2
BLOCK = 64


class Signer:
    """base is what every address starts with, up to and with the slash before the key."""

    def __init__(self, secret: bytes, base: str, clock: Callable[[], float] = time.time) -> None:
        self.secret = secret
        self.base = base
        self.clock = clock
        self._hour = -1
        self._parameters: list[str] = []

    def parameters(self) -> list[str]:
        """For studio.signed_address: both ends of an address and the hour's padded keys, in hex."""
        hour = int(self.clock()) // HOUR
        if hour != self._hour:
            inner, outer = _padded(self._key(hour))
            self._parameters = [self.base, _query(hour), inner.hex(), outer.hex()]
            self._hour = hour
        return self._parameters

    def accepts(self, key: str, expires: str, signature: str) -> bool:
        """Whether this key was signed by us, for this time, and the time has not passed."""
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        end = int(expires)
        hour = end // HOUR - GOOD_FOR
        if end % HOUR or self.clock() >= end or hour > int(self.clock()) // HOUR:
            return False
        expected = digest(self._key(hour), _query(hour) + key)
        return hmac.compare_digest(expected.encode(), signature.encode())

    def _key(self, hour: int) -> bytes:
        return hmac.digest(self.secret, f"batch-studio files {hour}".encode(), "sha256")


def _query(hour: int) -> str:
    return f"?expires={(hour + GOOD_FOR) * HOUR}&signature="


def digest(key: bytes, message: str) -> str:
    """HMAC-SHA256, in hex."""
    return hmac.digest(key, message.encode(), "sha256").hex()


def _padded(key: bytes) -> tuple[bytes, bytes]:
    """The two keys of RFC 2104, so that SQL needs sha256 alone."""
    block = key.ljust(BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
