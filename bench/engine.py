"""How fast a batch is made, and what it costs: one batch of demo pictures on a service of its own.

    uv run python bench/engine.py [--images 1000] [--side 64]

Linux only: CPU times are read from /proc. Nothing of the project is imported here: a script's own
folder comes first on the path, and this file's name is a package of ours.
"""

import argparse
import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from caller import Caller, new_caller
from service import Cpu, Service, own_seconds, running

PROGRESS_SECONDS = 5
SMALL = 400
"""Pixels: what is no wider gets no smaller copy beforehand."""
THUMBNAIL_SECONDS = 120
"""How long to wait for the smaller copies, which come after the images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one batch took. Seconds since startBatch was sent; landed are the images, in order."""

    answered: float
    landed: list[float]
    cpu: Cpu
    watcher: float
    thumbnails: float
    thumbnail_cpu: Cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=1000, help="from 1 to 10,000")
    parser.add_argument("--side", type=int, default=64, help="pixels, from 64 to 2048")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds after which to give up")
    given = parser.parse_args()
    figures = asyncio.run(_bounded(given.images, given.side, given.timeout))
    print("\n".join(_report(figures, given.side)))


async def _bounded(images: int, side: int, seconds: float) -> Figures:
    async with asyncio.timeout(seconds):
        print("Starting a service on an empty database ...", flush=True)
        async with running() as service:
            return await _measure(service, images, side)


async def _measure(service: Service, images: int, side: int) -> Figures:
    caller = new_caller(service)
    cpu, watcher, began = service.cpu(), own_seconds(), time.perf_counter()
    batch_id = await caller.start_batch(_wanted(images, side))
    answered = time.perf_counter() - began
    landed = [moment - began async for moment in _landings(caller, batch_id, images)]
    made, watched = service.cpu(), own_seconds()
    thumbnails = await _thumbnails(service, images, side)
    return Figures(
        answered=answered,
        landed=landed,
        cpu=made - cpu,
        watcher=watched - watcher,
        thumbnails=thumbnails,
        thumbnail_cpu=service.cpu() - made,
    )


def _wanted(images: int, side: int) -> dict[str, Any]:
    """One template and a list of values for its variable: a prompt of its own for each image."""
    return {
        "title": "Bench",
        "templates": [{"name": "Numbered", "prompt": "a lighthouse, number {{number}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"seconds": 0, "width": side, "height": side},
    }


async def _landings(caller: Caller, batch_id: str, images: int) -> AsyncIterator[float]:
    """The moment at which the watcher learns of each saved image."""
    told, count = time.perf_counter(), 0
    async for _ in caller.saves(batch_id):
        count += 1
        yield time.perf_counter()
        if time.perf_counter() - told > PROGRESS_SECONDS:
            told = time.perf_counter()
            print(f"  {count:,} of {images:,} images", flush=True)
    if count != images:
        raise SystemExit(f"The stream told of {count:,} of {images:,} images.")


async def _thumbnails(service: Service, images: int, side: int) -> float:
    """Seconds until every image had its smaller copy; a picture that is small itself gets none beforehand."""
    if side <= SMALL:
        return 0.0
    print("  waiting for the smaller copies", flush=True)
    began = time.perf_counter()
    async with asyncio.timeout(THUMBNAIL_SECONDS + images / 10):
        while service.thumbnails() < images:  # noqa: ASYNC110 - no event tells of them
            await asyncio.sleep(0.5)
    return time.perf_counter() - began


def _report(figures: Figures, side: int) -> Iterator[str]:
    landed, count = figures.landed, len(figures.landed)
    yield ""
    yield f"{count:,} images of {side} x {side}; {os.cpu_count()} cores, Python {platform.python_version()}"
    yield f"  startBatch answered after  {figures.answered:.2f} s"
    yield f"  images saved and streamed  {count / landed[-1]:.1f} a second"
    yield (
        f"  from start to image        first {landed[0]:.2f} s, p50 {_part(landed, 0.5):.2f} s, "
        f"p95 {_part(landed, 0.95):.2f} s, last {landed[-1]:.2f} s"
    )
    yield f"  smaller copies ready       {figures.thumbnails:.1f} s after the last image"
    yield ""
    yield "CPU                            seconds   ms an image"
    yield from _costs(figures, count)


def _costs(figures: Figures, count: int) -> Iterator[str]:
    rows = {
        "API and worker, one process": figures.cpu.service,
        "children (draw, decode)": figures.cpu.children,
        "PostgreSQL": figures.cpu.postgres,
        "this watcher": figures.watcher,
        "afterwards: API and worker": figures.thumbnail_cpu.service,
        "afterwards: children (shrink)": figures.thumbnail_cpu.children,
        "afterwards: PostgreSQL": figures.thumbnail_cpu.postgres,
    }
    for name, seconds in rows.items():
        yield f"  {name:<29}{seconds:>7.2f}{1000 * seconds / count:>14.2f}"
    busy = sum(list(rows.values())[:4]) / figures.landed[-1]
    yield f"  {busy:.2f} cores were busy with it until the last image"


def _part(ordered: list[float], part: float) -> float:
    """The time by which this part of all had landed."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


if __name__ == "__main__":
    main()
