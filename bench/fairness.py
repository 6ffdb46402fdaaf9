"""How long somebody waits behind a large batch of somebody else: their first image, and all of them.

    uv run python bench/fairness.py [--rounds 5] [--images 3000]

Twice: with a stand-in for Replicate that may be asked 600 times a minute and takes half a second for a
run, and with the demo model. Exits with 1 where a first image took longer than it may.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

from caller import Caller, new_caller
from provider import standing_in
from service import Service, running

FIRST_WITHIN = 2.0
CREATES_PER_MINUTE = 600
RUN_SECONDS = 0.5
UNDER_WAY = 20
"""How many of the large batch are saved when the small one is begun."""
SMALL = 3
ROUND_SECONDS = 120
DEMO = {"seconds": 0, "width": 64, "height": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Seconds since the small batch's startBatch was sent."""

    first: float
    last: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="of each provider, by two new users each")
    parser.add_argument("--images", type=int, default=3000, help="of the large batch")
    given = parser.parse_args()
    rounds = asyncio.run(_all(given))
    print("\n".join(_report(rounds, given.images)))
    sys.exit(max(each.first for of_one in rounds.values() for each in of_one) > FIRST_WITHIN)


async def _all(given: argparse.Namespace) -> dict[str, Sequence[Round]]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(standing_in(seconds=RUN_SECONDS))
        settings = provider.settings(creates_per_minute=CREATES_PER_MINUTE)
        rated = await stack.enter_async_context(running(**settings))
        replicate = await _rounds("Replicate", rated, given, {})
    async with running() as service:
        return {"Replicate": replicate, "demo": await _rounds("demo", service, given, DEMO)}


async def _rounds(
    name: str, service: Service, given: argparse.Namespace, parameters: dict[str, Any]
) -> list[Round]:
    rounds = []
    for number in range(1, given.rounds + 1):
        async with asyncio.timeout(ROUND_SECONDS):
            rounds.append(await _round(service, given.images, parameters))
        print(f"  {name}, round {number}: first image after {rounds[-1].first:.2f} s", flush=True)
    return rounds


async def _round(service: Service, images: int, parameters: dict[str, Any]) -> Round:
    """The large batch is cancelled at the end, and what of it is under way ends."""
    large, small = new_caller(service), new_caller(service)
    batch_id = await large.start_batch(_wanted(images, parameters))
    await _saved(large, batch_id, UNDER_WAY)
    waited = await _waited(small, parameters)
    await large.cancel_batch(batch_id)
    async for _ in large.updates(batch_id):
        pass
    return waited


async def _waited(small: Caller, parameters: dict[str, Any]) -> Round:
    began = time.perf_counter()
    batch_id = await small.start_batch(_wanted(SMALL, parameters))
    moments = [time.perf_counter() - began async for _ in small.saves(batch_id)]
    return Round(first=moments[0], last=moments[-1])


async def _saved(caller: Caller, batch_id: str, count: int) -> None:
    """Returns once so many of its images are saved."""
    async with aclosing(caller.saves(batch_id)) as saves:
        async for _ in saves:
            count -= 1
            if not count:
                return


def _wanted(images: int, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
        "parameters": parameters,
    }


def _report(rounds: dict[str, Sequence[Round]], images: int) -> Iterator[str]:
    yield ""
    yield f"{SMALL} images begun while another user's {images:,} are being made: seconds until"
    yield "                the first, worst   the first, median   all, worst"
    for name, of_one in rounds.items():
        firsts = sorted(each.first for each in of_one)
        last = max(each.last for each in of_one)
        kept = "" if firsts[-1] <= FIRST_WITHIN else f"   BREACH: above {FIRST_WITHIN:g}"
        yield f"  {name:<14}{firsts[-1]:>16.2f}{firsts[len(firsts) // 2]:>20.2f}{last:>13.2f}{kept}"


if __name__ == "__main__":
    main()
