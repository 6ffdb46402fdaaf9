"""Whether a service's memory stays as it is while a large batch is made and watched.

    uv run python bench/memory.py [--images 10000]

Linux only: read from /proc. Exits with 1 where the API and worker, one process, hold a tenth more after the
last image than after a fifth of them.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping

from caller import new_caller
from service import Memory, Service, running

MARKS = (0.1, 0.2, 0.5, 1.0)
"""Parts of the batch at which to look."""
FROM = 0.2
"""By then everything has been used once."""
MOST_GROWTH = 0.1
SECONDS_AN_IMAGE = 0.2
MEGABYTE = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=10_000, help="from 10 to 10,000, of 64 x 64 pixels")
    given = parser.parse_args()
    held = asyncio.run(_bounded(given.images))
    growth = held[given.images].service / held[int(FROM * given.images)].service - 1
    print("\n".join(_report(held, growth)))
    sys.exit(growth > MOST_GROWTH)


async def _bounded(images: int) -> dict[int, Memory]:
    async with asyncio.timeout(60 + SECONDS_AN_IMAGE * images), running() as service:
        return await _watch(service, images)


async def _watch(service: Service, images: int) -> dict[int, Memory]:
    """What it held when so many images were saved."""
    caller = new_caller(service)
    marks = {int(part * images) for part in MARKS}
    held = {0: service.memory()}
    batch_id = await caller.start_batch(_wanted(images))
    count = 0
    async for _ in caller.saves(batch_id):
        count += 1
        if count in marks:
            held[count] = service.memory()
            print(f"  {count:,} of {images:,} images", flush=True)
    return held


def _wanted(images: int) -> dict[str, object]:
    return {
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"seconds": 0, "width": 64, "height": 64},
    }


def _report(held: Mapping[int, Memory], growth: float) -> Iterator[str]:
    yield ""
    yield "Memory held, MiB    API and worker   with children"
    for count, memory in held.items():
        own, all_of_it = memory.service / MEGABYTE, (memory.service + memory.children) / MEGABYTE
        yield f"  {count:>6,} images    {own:>14.1f}{all_of_it:>16.1f}"
    breach = "" if growth <= MOST_GROWTH else f"   BREACH: above {MOST_GROWTH:.0%}"
    yield f"  grew by {growth:.1%} since a fifth of them{breach}"


if __name__ == "__main__":
    main()
