"""Reference images that users hand in: what is taken, how much of it, and under which names."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.refusals import Refusal
from engine.words import UserErrorCode

__all__ = [
    "LARGEST_REFERENCE",
    "SUFFIXES",
    "Upload",
    "refuse_more",
    "refuse_upload",
]

LARGEST_REFERENCE = 20 * 1024 * 1024
"""Bytes of a reference image, wherever it comes from."""
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
MOST_UNUSED = 100
MOST_UNUSED_BYTES = 500 * 1024 * 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A picture that is to come: the key that it will have, its type and size as announced."""

    key: str
    content_type: str
    byte_size: int

    @property
    def staging_key(self) -> str:
        """Where it lies unchecked, when its owner puts it into the storage past us."""
        return self.key.replace("/references/", "/uploads/", 1)


def refuse_upload(content_type: str, byte_size: int) -> Iterator[Refusal]:
    """Nothing for a picture of a kind and size that is taken."""
    if content_type not in SUFFIXES:
        yield _refusal("contentType", UserErrorCode.INVALID, f"must be one of {', '.join(SUFFIXES)}.")
    if byte_size < 1:
        yield _refusal("byteSize", UserErrorCode.INVALID, "must be at least 1.")
    if byte_size > LARGEST_REFERENCE:
        yield _refusal("byteSize", UserErrorCode.TOO_MANY, f"must be at most {LARGEST_REFERENCE:,}.")


def refuse_more(byte_size: int, *, unused: int, unused_bytes: int) -> Iterator[Refusal]:
    """Nothing for who has room for one more upload beside those that no work was started with."""
    if unused >= MOST_UNUSED or unused_bytes + byte_size > MOST_UNUSED_BYTES:
        message = (
            f"At most {MOST_UNUSED} uploads of {MOST_UNUSED_BYTES // MIB} MB in all can wait to be used; "
            "unused ones are removed after a day."
        )
        yield Refusal(path=(), code=UserErrorCode.LIMIT_REACHED, message=message)


def _refusal(field: str, code: UserErrorCode, problem: str) -> Refusal:
    return Refusal(path=(field,), code=code, message=f"{field} {problem}")
