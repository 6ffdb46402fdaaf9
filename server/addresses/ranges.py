"""Which bytes of a file an answer has, by the request's conditions (RFC 9110, 13 and 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.seams import StoredFile

__all__ = ["NOT_MODIFIED", "OK", "PARTIAL", "UNSATISFIABLE", "Part", "part_of"]

OK = 200
PARTIAL = 206
NOT_MODIFIED = 304
UNSATISFIABLE = 416
RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The status of the answer, and the bytes from start up to end that it has."""

    status: int
    start: int = 0
    end: int = 0


def part_of(file: StoredFile, headers: Mapping[str, str]) -> Part:
    """The whole file, what is left of it by If-None-Match, Range and If-Range, or nothing."""
    if _is_known(file, headers.get("if-none-match", "")):
        return Part(status=NOT_MODIFIED)
    asked = RANGE.fullmatch(headers.get("range", "").strip())
    if not asked or not any(asked.groups()) or not _is_same(file, headers.get("if-range")):
        return _whole(file)  # several ranges at once, too: a server may ignore them
    return _range(file, asked[1], asked[2])


def _whole(file: StoredFile) -> Part:
    return Part(status=OK, end=file.size)


def _range(file: StoredFile, first: str | None, last: str | None) -> Part:
    if first is None:
        start, end = max(0, file.size - int(last or 0)), file.size
    else:
        start, end = int(first), min(file.size, int(last) + 1) if last else file.size
        if last and int(last) < start:
            return _whole(file)  # no range at all, by its syntax
    return Part(status=PARTIAL, start=start, end=end) if start < end else Part(status=UNSATISFIABLE)


def _is_known(file: StoredFile, tags: str) -> bool:
    known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return "*" in known or (file.tag is not None and file.tag in known)


def _is_same(file: StoredFile, condition: str | None) -> bool:
    """Whether the part would be one of the file that the client has; by a date nobody can tell."""
    return condition is None or condition.strip() == file.tag
