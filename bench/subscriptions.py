"""What it costs to tell many subscribers, beside the reference server of graphql-ws in the same run.

    uv run python bench/subscriptions.py

Both servers have the same schema, the same subscribers, and as many changes at the same rate. The service
reads each change from its database, where a writer beside it commits them as a worker does; Node is handed
them ready on its standard input. Latencies are from the commit (for Node, from the handing over) to the
moment at which a subscriber's socket has the update, on the machine's monotonic clock. CPU times and memory
are those of the server's process alone, from /proc: Linux only. Exits with 1 where a promise is broken.
"""

import asyncio
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rivals import Batch, Rival, Service, reference, service
from stage import staged
from subscribers import Subscriber, subscribed

SECONDS = 300
IDLE, OWNERS = 1000, 100
IDLE_SECONDS = 5.0
SUBSCRIBERS = 200
CHANGES, APART = 150, 0.1
BURSTS, BURST = 3, 50
ROUNDS, SLICE_SECONDS, LANES = 20, 0.25, 8
"""Of a round, the first and the last slice are without hints, the two between with them."""
SILENCE, LOOK = 10.0, 0.1
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one server. Bytes, seconds of CPU, and seconds from a change to a subscriber, in order.

    lost are the deliveries that never came.
    """

    idle: float
    idle_cpu: float
    delivery: float
    latencies: Sequence[float]
    lost: int
    growth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What was measured, and what it may be at most."""

    what: str
    found: float
    limit: float
    unit: str

    @property
    def broken(self) -> bool:
        return self.found > self.limit


def main() -> None:
    sys.exit(uvloop.run(_bounded()))  # for the subscribers' sake: they share the machine


async def _bounded() -> int:
    async with asyncio.timeout(SECONDS), AsyncExitStack() as stack:
        print("Starting the service and the reference server ...", flush=True)
        stage = await stack.enter_async_context(staged())
        ours = await stack.enter_async_context(service(stage))
        theirs = await stack.enter_async_context(reference())
        costs = [await _cost(rival) for rival in (ours, theirs)]
        print("  changes as fast as can be, with hints and without", flush=True)
        rate = await _write_rate(ours)
    promises = list(_promises(*costs, rate))
    print("\n".join([*_table(*costs), *_verdicts(promises)]))
    return 1 if any(promise.broken for promise in promises) else 0


async def _cost(rival: Rival) -> Cost:
    print(f"  {rival.name}: {IDLE:,} idle subscribers", flush=True)
    idle, idle_cpu = await _idle(rival)
    print(f"  {rival.name}: {CHANGES} changes to {SUBSCRIBERS} subscribers, {BURSTS} bursts", flush=True)
    batch = await rival.open_batch(CHANGES + BURSTS * BURST)
    async with subscribed(rival.address, [batch.place] * SUBSCRIBERS) as subscribers:
        cpu = _cpu(rival.pid)
        latencies = await _told(rival, batch, subscribers, CHANGES, APART)
        delivery = (_cpu(rival.pid) - cpu) / len(latencies)
        growth = await _growth(rival, batch, subscribers)
    lost = CHANGES * SUBSCRIBERS - len(latencies)
    return Cost(
        idle=idle, idle_cpu=idle_cpu, delivery=delivery, latencies=latencies, lost=lost, growth=growth
    )


async def _idle(rival: Rival) -> tuple[float, float]:
    """Bytes above the process without any, once it has served one; and its CPU a second with all."""
    batches = [await rival.open_batch(1) for _ in range(OWNERS)]
    places = [batch.place for batch in batches for _ in range(IDLE // OWNERS)]
    async with subscribed(rival.address, places[:1]):
        pass
    without = await _memory(rival)
    async with subscribed(rival.address, places):
        await asyncio.sleep(1)
        cpu = _cpu(rival.pid)
        await asyncio.sleep(IDLE_SECONDS)
        return await _memory(rival) - without, (_cpu(rival.pid) - cpu) / IDLE_SECONDS


async def _growth(rival: Rival, batch: Batch, subscribers: Sequence[Subscriber]) -> float:
    """Bytes from after the first burst, which may take what the next ones use again, to after the last."""
    held = []
    for _ in range(BURSTS):
        await _told(rival, batch, subscribers, BURST, 0)
        held.append(await _memory(rival))
    return held[-1] - held[0]


async def _told(
    rival: Rival, batch: Batch, subscribers: Sequence[Subscriber], count: int, apart: float
) -> list[float]:
    """The seconds of each delivery, in order of length. Nothing may come twice, or out of order."""
    for subscriber in subscribers:
        subscriber.forget()
    moments = await rival.changes(batch, count, apart)
    await _until_told(subscribers, count)
    latencies = []
    for subscriber in subscribers:
        updates = list(subscriber.updates())
        seqs = [seq for seq, _ in updates]
        if seqs != sorted(set(seqs)):
            raise SystemExit(f"{rival.name}: a subscriber was told twice, or out of order.")
        latencies += [moment - moments[seq] for seq, moment in updates]
    return sorted(latencies)


async def _until_told(subscribers: Sequence[Subscriber], count: int) -> None:
    """Or until nothing has come for so long that nothing will."""
    while min(each.count for each in subscribers) < count:
        if time.monotonic() > max(each.latest for each in subscribers) + SILENCE:
            return
        await asyncio.sleep(LOOK)


async def _write_rate(ours: Service) -> float:
    """The rate of changes that are told by hints, as a part of that of the same changes without hints."""
    batches = [await ours.open_batch(1) for _ in range(LANES)]
    rates = await ours.race(batches, 4 * ROUNDS, SLICE_SECONDS)
    rounds = [rates[start : start + 4] for start in range(0, len(rates), 4)]
    told = [after + again for _, after, again, _ in rounds]
    untold = [before + last for before, _, _, last in rounds]
    print(f"  {sum(told) / 2 / ROUNDS:,.0f} a second with hints, {sum(untold) / 2 / ROUNDS:,.0f} without")
    return statistics.median(with_hints / without for with_hints, without in zip(told, untold, strict=True))


async def _memory(rival: Rival) -> int:
    """The bytes that the process holds, once it has freed what it can."""
    await rival.collect()
    return _resident(rival.pid)


def _resident(pid: int) -> int:
    # proc(5): statm's second field is the resident set.
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def _cpu(pid: int) -> float:
    """The CPU seconds of the process so far."""
    # proc(5): the name in brackets may hold blanks; utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _table(ours: Cost, theirs: Cost) -> Iterator[str]:
    yield ""
    yield f"{os.cpu_count()} cores, Python {platform.python_version()}"
    yield f"  {'':<44}{'service':>12}{'Node':>12}"
    for what, left, right in _lines(ours, theirs):
        yield f"  {what:<44}{left:>12}{right:>12}"


def _lines(*costs: Cost) -> Iterator[Sequence[str]]:
    yield "deliveries", *(f"{len(cost.latencies):,}" for cost in costs)
    yield "CPU a delivery", *(f"{1e6 * cost.delivery:.0f} us" for cost in costs)
    yield "from change to client, p50", *(f"{1000 * _part(cost.latencies, 0.5):.1f} ms" for cost in costs)
    yield "from change to client, p99", *(f"{1000 * _part(cost.latencies, 0.99):.1f} ms" for cost in costs)
    yield f"memory of {IDLE:,} idle subscribers", *(f"{cost.idle / MB:.1f} MB" for cost in costs)
    yield f"CPU a second with {IDLE:,} idle", *(f"{1000 * cost.idle_cpu:.0f} ms" for cost in costs)
    yield "growth from the first burst to the last", *(f"{cost.growth / MB:.1f} MB" for cost in costs)


def _promises(ours: Cost, theirs: Cost, rate: float) -> Iterator[Promise]:
    found = (
        ("deliveries lost", ours.lost, 0, ""),
        ("CPU a delivery, beside Node's", ours.delivery / theirs.delivery, 1, "x"),
        ("an idle subscriber, beside Node's", ours.idle / theirs.idle, 0.5, "x"),
        (f"{IDLE:,} idle subscribers", ours.idle / MB, 60, "MB"),
        ("growth over two bursts", ours.growth / MB, 2, "MB"),
        ("p50 from commit to client", 1000 * _part(ours.latencies, 0.5), 25, "ms"),
        ("p99 from commit to client", 1000 * _part(ours.latencies, 0.99), 100, "ms"),
        ("writes lost to hints", 100 * (1 - rate), 7, "%"),
    )
    yield from (Promise(what=what, found=value, limit=limit, unit=unit) for what, value, limit, unit in found)


def _verdicts(promises: Sequence[Promise]) -> Iterator[str]:
    yield ""
    for each in promises:
        verdict = "BROKEN" if each.broken else "ok"
        yield f"  {each.what:<36}{each.found:>9.2f} {each.unit:<3} at most {each.limit:<6g}{verdict}"


def _part(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


if __name__ == "__main__":
    main()
