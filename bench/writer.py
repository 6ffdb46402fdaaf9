"""Changes generations as a worker does, one transaction each, and says when each was committed.

    python -P bench/writer.py

With DATABASE_URL set; it is told what to do on its standard input, a line of JSON each, and answers with one:

    {"change": [id, ...], "apart": seconds, "topics": [...]}    the moments of the commits
    {"race": [[id, topic], ...], "slices": n, "seconds": s}     changes a second in each slice

Moments are of the machine's monotonic clock. In a race each id has a writer of its own; its changes are told
by hints in every other slice. `-P` keeps this folder off the path, where one of its files would hide a
package of the project.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db.changes import Change, apply_change
from db.session import Database, open_database
from engine.seams import Hints
from engine.words import GenerationStatus
from server import shared
from server.settings import load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A worker's hand."""

    database: Database
    hints: Hints

    async def change(self, generation: UUID) -> float:
        """The moment of the commit."""
        async with self.database.worker_session() as session:
            changed = await apply_change(session, generation, Change(status=GenerationStatus.RUNNING))
        assert changed
        return time.monotonic()

    def tell(self, topics: Sequence[UUID]) -> None:
        for topic in topics:
            self.hints.tell(topic)

    async def changes(self, generations: Sequence[UUID], apart: float, topics: Sequence[UUID]) -> list[float]:
        """At even distances; one that comes late does not move those after it."""
        began, moments = time.monotonic(), []
        for number, generation in enumerate(generations):
            await asyncio.sleep(began + number * apart - time.monotonic())
            moments.append(await self.change(generation))
            self.tell(topics)
        return moments

    async def race(self, lanes: Sequence[tuple[UUID, UUID]], slices: int, seconds: float) -> list[float]:
        """Without hints, with, with, without, and so on, so that a drift of the machine counts for both."""
        rates = []
        for number in range(slices):
            told = number % 4 in {1, 2}
            until = time.monotonic() + seconds
            counts = await asyncio.gather(*(self.run_until(until, *lane, told=told) for lane in lanes))
            rates.append(sum(counts) / seconds)
        return rates

    async def run_until(self, until: float, generation: UUID, topic: UUID, *, told: bool) -> int:
        count = 0
        while time.monotonic() < until:
            await self.change(generation)
            count += 1
            if told:
                self.tell([topic])
        return count


async def main() -> None:
    url = os.environ["DATABASE_URL"]
    async with open_database(url) as database, shared.open_hints(load_settings(), url) as hints:
        writer = Writer(database=database, hints=hints)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _do(writer, json.loads(line))), flush=True)


async def _do(writer: Writer, asked: dict[str, Any]) -> list[float]:
    if "race" in asked:
        lanes = [(UUID(generation), UUID(topic)) for generation, topic in asked["race"]]
        return await writer.race(lanes, asked["slices"], asked["seconds"])
    generations, topics = list(map(UUID, asked["change"])), list(map(UUID, asked["topics"]))
    return await writer.changes(generations, asked["apart"], topics)


if __name__ == "__main__":
    asyncio.run(main())
