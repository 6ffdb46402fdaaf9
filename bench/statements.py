"""What PostgreSQL logs of one request's statements: how long each took, or how each was carried out."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from million import Million

__all__ = ["Journal", "Plan", "Spent", "journal"]

ROLE = "studio_app"
KEPT: Mapping[str, Mapping[str, str]] = {
    "durations": {"log_min_duration_statement": "0"},
    "plans": {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_buffers": "on",
        "auto_explain.log_format": "json",
    },
}
DURATION = re.compile(
    rb"^\S+ \S+ \S+ \[\d+\] LOG:  duration: ([\d.]+) ms  (parse|bind|execute|statement)\b[^:]*: (.*)",
    re.MULTILINE,
)
PLAN = re.compile(rb"^\S+ \S+ \S+ \[\d+\] LOG:  duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)", re.MULTILINE)
AFTERWARDS = b"reset all"
"""The pool cleans a connection when the request has been answered."""
QUIET = 0.06
"""Seconds without a new line after which there will be none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Statements with parameters, which are those that read; milliseconds of all, their planning included."""

    statements: int
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Blocks looked at, and the kinds of the plans' nodes with the tables they scan."""

    blocks: int
    nodes: tuple[str, ...]


class Journal:
    """What has been logged since `mark`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.seen = 0

    def mark(self) -> None:
        """What was logged up to now is of no interest; the last request's lines are all there."""
        self.seen = self.log.stat().st_size

    async def spent(self) -> Spent:
        lines = DURATION.findall(await self._new())
        lines = [line for line in lines if AFTERWARDS not in line[2]]
        return Spent(
            statements=sum(kind == b"execute" for _, kind, _ in lines),
            milliseconds=sum(float(milliseconds) for milliseconds, _, _ in lines),
        )

    async def plan(self) -> Plan:
        plans = [json.loads(text)["Plan"] for text in PLAN.findall(await self._new())]
        return Plan(
            blocks=sum(each["Shared Hit Blocks"] + each["Shared Read Blocks"] for each in plans),
            nodes=tuple(_kind(node) for each in plans for node in _nodes(each)),
        )

    async def _new(self) -> bytes:
        size = -1
        while size != (size := self.log.stat().st_size):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(QUIET)
        with self.log.open("rb") as log:
            log.seek(self.seen)
            return log.read()


@asynccontextmanager
async def journal(filled: Million, kind: Literal["durations", "plans"]) -> AsyncIterator[Journal]:
    """Whoever connects as the service within the block has this logged."""
    for name, value in KEPT[kind].items():
        await filled.database.execute(f"alter role {ROLE} set {name} = '{value}'")
    try:
        yield Journal(filled.folder / "postgres.log")
    finally:
        await filled.database.execute(f"alter role {ROLE} reset all")


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _kind(node: Mapping[str, Any]) -> str:
    table = node.get("Relation Name")
    return f"{node['Node Type']} on {table}" if table else str(node["Node Type"])
