"""How much longer than one run a batch of runs takes that are all under way at the same time.

    uv run python bench/flight.py [--images 1000] [--seconds 10]

One worker, the demo model at 64 x 64 pixels: each run takes so many seconds, in which the machine has nothing
to do. Then its picture is drawn, which is the model's own work and counts all the same. Exits with 1 where
the last image is saved later than 1.3 times a run after startBatch was sent.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from caller import Caller, new_caller
from service import Cpu, running

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
    given = parser.parse_args()
    flight, cpu = asyncio.run(_bounded(given.images, given.seconds))
    print("\n".join(_report(flight, cpu, given.seconds)))
    sys.exit(flight.saved[-1] > MOST * given.seconds)


async def _bounded(images: int, seconds: float) -> tuple[Flight, Cpu]:
    async with asyncio.timeout(60 + SLOWER * seconds):
        async with running(
            BATCH_STUDIO_MAX_RUNNING=images, BATCH_STUDIO_CONCURRENCY=max(images, 100)
        ) as service:
            before = service.cpu()
            flight = await _fly(new_caller(service), images, seconds)
            return flight, service.cpu() - before


async def _fly(caller: Caller, images: int, seconds: float) -> Flight:
    flight, began = Flight(), time.perf_counter()
    batch_id = await caller.start_batch(_wanted(images, seconds))
    async for update in caller.updates(batch_id):
        generation = update["generation"]
        if generation and generation["status"] == "RUNNING":
            flight.asked.append(time.perf_counter() - began)
        if generation and generation["saved"]:
            flight.saved.append(time.perf_counter() - began)
    if len(flight.saved) != images:
        raise SystemExit(f"{len(flight.saved):,} of {images:,} images were saved.")
    return flight


def _wanted(images: int, seconds: float) -> dict[str, object]:
    return {
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"seconds": seconds, "width": 64, "height": 64},
    }


def _report(flight: Flight, cpu: Cpu, seconds: float) -> Iterator[str]:
    last = flight.saved[-1]
    yield f"{len(flight.saved):,} runs of {seconds:g} s, one worker"
    yield f"  all asked for after       {flight.asked[-1]:.2f} s"
    yield f"  first image saved after   {flight.saved[0]:.2f} s"
    yield f"  last image saved after    {last:.2f} s"
    yield f"  times one run             {last / seconds:.2f}, of at most {MOST:g}"
    yield f"  CPU seconds               {cpu.service:.1f} API and worker, {cpu.children:.1f} children"
    yield f"                            {cpu.postgres:.1f} PostgreSQL"


if __name__ == "__main__":
    main()
