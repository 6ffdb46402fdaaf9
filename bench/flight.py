"""How much longer than one run a batch of runs takes that are all under way at the same time.

    uv run python bench/flight.py [--images 1000] [--seconds 10] [--model weightless]

An API, one worker, and a model whose runs cost this machine nothing (bench/weightless.py). With --model demo,
the drawing of its pictures counts too. Exits with 1 where the last image is saved later than 1.3 times one
run after startBatch was sent.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caller import Caller, new_caller
from service import running

from server.embedded import embedded_postgres

PROGRAM = (sys.executable, "-P", Path(__file__).with_name("weightless.py"))
MOST = 1.3
"""Times as long as one run."""
SLOWER = 10
"""Times as long, after which to give up."""


@dataclass(slots=True, kw_only=True)
class Flight:
    """Seconds since startBatch was sent, in order."""

    asked: list[float] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=1000, help="from 1 to 10,000")
    parser.add_argument("--seconds", type=float, default=10, help="that one run takes")
    parser.add_argument("--model", choices=("weightless", "demo"), default="weightless")
    given = parser.parse_args()
    flight = asyncio.run(_bounded(given.images, given.seconds, given.model))
    print("\n".join(_report(flight, given.seconds)))
    sys.exit(flight.saved[-1] > MOST * given.seconds)


async def _bounded(images: int, seconds: float, model: str) -> Flight:
    settings = {"BATCH_STUDIO_MAX_RUNNING": images, "BATCH_STUDIO_CONCURRENCY": max(images, 100)}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(60 + SLOWER * seconds))
        api = running("serve", "--no-worker", program=PROGRAM, **settings)
        service = await stack.enter_async_context(api)
        postgres = await stack.enter_async_context(embedded_postgres(service.folder))
        await stack.enter_async_context(service.worker(postgres.login_url))
        flight = await _fly(new_caller(service), _wanted(images, seconds, model))
    if len(flight.saved) != images:
        raise SystemExit(f"{len(flight.saved):,} of {images:,} images were saved.")
    return flight


async def _fly(caller: Caller, wanted: Mapping[str, Any]) -> Flight:
    flight, began = Flight(), time.perf_counter()
    batch_id = await caller.start_batch(wanted)
    async for update in caller.updates(batch_id):
        generation = update["generation"]
        if generation and generation["status"] == "RUNNING":
            flight.asked.append(time.perf_counter() - began)
        if generation and generation["saved"]:
            flight.saved.append(time.perf_counter() - began)
    return flight


def _wanted(images: int, seconds: float, model: str) -> dict[str, Any]:
    size = {"width": 64, "height": 64} if model == "demo" else {}
    return {
        "model": model,
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"seconds": seconds, **size},
    }


def _report(flight: Flight, seconds: float) -> Iterator[str]:
    last = flight.saved[-1]
    yield f"{len(flight.saved):,} runs of {seconds:g} s, one worker"
    yield f"  all asked for after       {flight.asked[-1]:.2f} s"
    yield f"  first image saved after   {flight.saved[0]:.2f} s"
    yield f"  last image saved after    {last:.2f} s"
    yield f"  times one run             {last / seconds:.2f}, of at most {MOST:g}"


if __name__ == "__main__":
    main()
