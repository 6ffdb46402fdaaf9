"""The provider's limit is kept: creates in any sliding minute, by three workers on one database.

    uv run python bench/rate.py [--a-minute 600] [--images 900]

A stand-in for Replicate notes the moment of every call for a run. Exits with 1 where more than the limit
came within 60 s, or less than nine tenths of it did in the fullest 60 s.
"""

import argparse
import asyncio
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import asyncpg
from caller import new_caller
from provider import Provider, standing_in
from service import running

from server.embedded import embedded_postgres

WORKERS = 3
RUN_SECONDS = 0.5
WINDOW = 60.0
WATCHED = 75.0
"""Seconds: a whole window and a quarter, so that it slides."""
USED = 0.9
"""Of the limit, what has to be asked for in the fullest window."""
LOOK = 0.5
PROGRESS_SECONDS = 15
WAITING = "select count(*) from pgq.pgqueuer where entrypoint = 'submit_rated' and status = 'queued'"
"""Jobs that could run were it not for the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The moments of the runs, how many jobs waited at each look, and how many calls were refused."""

    asked: Sequence[float]
    waiting: Sequence[int]
    refused: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--a-minute", type=int, default=600, help="the limit")
    parser.add_argument(
        "--images", type=int, default=900, help="asked for at once, more than the limit lets by"
    )
    given = parser.parse_args()
    watched = asyncio.run(_watch(given.a_minute, given.images))
    most = _fullest(watched.asked)
    print("\n".join(_report(watched, given.a_minute)))
    sys.exit(not USED * given.a_minute <= most <= given.a_minute)


async def _watch(limit: int, images: int) -> Watched:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(standing_in(seconds=RUN_SECONDS))
        settings = provider.settings(creates_per_minute=limit)
        service = await stack.enter_async_context(running("serve", "--no-worker", **settings))
        postgres = await stack.enter_async_context(embedded_postgres(service.folder))
        for _ in range(WORKERS):
            await stack.enter_async_context(service.worker(postgres.login_url))
        database = await asyncpg.connect(postgres.superuser_url, database="batch_studio")
        stack.push_async_callback(database.close)
        await new_caller(service).start_batch(_wanted(images))
        waiting = [count async for count in _waiting(database, provider)]
        stats = await provider.stats()
    return Watched(asked=sorted(stats["created_at"]), waiting=waiting, refused=stats["throttled"])


async def _waiting(database: asyncpg.Connection, provider: Provider) -> AsyncIterator[int]:
    """Looked at twice a second."""
    end, told = time.monotonic() + WATCHED, 0.0
    while time.monotonic() < end:
        await asyncio.sleep(LOOK)
        yield await database.fetchval(WAITING)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"  {(await provider.stats())['created']:,} runs", flush=True)


def _fullest(moments: Sequence[float], window: float = WINDOW) -> int:
    """The greatest number within any stretch of so many seconds."""
    return max(bisect_left(moments, first + window) - place for place, first in enumerate(moments))


def _wanted(images: int) -> dict[str, Any]:
    return {
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
    }


def _report(watched: Watched, limit: int) -> Iterator[str]:
    most, count = _fullest(watched.asked), len(watched.asked)
    breach = "" if USED * limit <= most <= limit else f"   BREACH: from {USED * limit:.0f} to {limit:,}"
    yield ""
    yield f"{WORKERS} workers, a limit of {limit:,} a minute, {count:,} runs in {WATCHED:g} s"
    yield f"  within the fullest 60 s    {most:,} of {limit:,}{breach}"
    yield f"  within the fullest second  {_fullest(watched.asked, 1.0):,}"
    waiting = watched.waiting
    yield f"  waited for a permit        median {median(waiting):g} jobs, at the least {min(waiting)}"
    yield f"  refused by the provider    {watched.refused:,}"


if __name__ == "__main__":
    main()
