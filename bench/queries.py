"""What an answer costs: this service beside hand-written code, stock Strawberry and PostGraphile 5, in one run.

    uv run python bench/queries.py [--data FOLDER] [--rounds 10] [--requests 60] [--signing | --no-signing]

Linux only: CPU and memory are read from /proc. Over bench/million.py's database, under row-level security, each of
the four is asked three questions over one kept connection, in turns, a round after the other; a figure is the median
of the rounds. First it is made sure that all give the same. All verify the same token once and then remember it, and
each request is a line in the log and a count. With signing, all sign addresses by the same SQL function;
without, that function is replaced by one that signs nothing.

Exits with 1 where the service's own CPU is above 1.2 times the hand-written floor's; where its CPU and PostgreSQL's
together are not 1.7 times less than PostGraphile's, without signing; where it holds more than half of the memory that
PostGraphile does; where a document never seen before costs more than 1.5 times its parsing and validation.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryFile
from uuid import UUID

from meter import cpu_of, memory_of, postgres_cpu
from million import Million, add_options, opened
from readers import FLOOR, OURS, POSTGRAPHILE, QUESTIONS, Reader, Request, cold, opened_readers
from signing import computed_columns, signing_set

MOST_TIMES_FLOOR = 1.2
LEAST_TIMES_LESS = 1.7
MOST_MEMORY = 0.5
MOST_COLD = 1.5
WARM_UP = 100
"""Requests of each question: PostgreSQL plans the first five of a statement anew, V8 compiles what is used often."""
SLOW = 5
"""Stock Strawberry is asked so many times less, or it would be most of the time that this takes."""
PARSING = Path(__file__).with_name("reading") / "parsing.py"
WHOLE_BATCH = """
    select id from batches
    where user_id = $1 and total = 100 and deleted_at is null
      and (select count(*) from images where batch_id = batches.id and deleted_at is null) = 100
    order by created_at
    offset 10 limit 1
"""
MEGABYTE = 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Costs:
    """Of one question to one server: CPU seconds a request in each round, and how long each request took."""

    api: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def own(self) -> float:
        return median(self.api)

    @property
    def together(self) -> float:
        return median([api + postgres for api, postgres in zip(self.api, self.postgres, strict=True)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one run: costs by server and question; memory by server; a cold document and its parsing."""

    signing: bool
    costs: dict[tuple[str, str], Costs]
    memory: dict[str, int]
    cold: Costs
    parsing: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=60, help="of each question to each server in a round")
    parser.add_argument("--signing", action=argparse.BooleanOptionalAction, help="one way alone; else both")
    given = parser.parse_args()
    runs = asyncio.run(_runs(given))
    breaches = [breach for run in runs for breach in _breaches(run)]
    for run in runs:
        print("\n".join(_report(run)))
    print(
        "\n".join(
            ["", *(f"BREACH: {each}" for each in breaches)] if breaches else ["", "All within the limits."]
        )
    )
    sys.exit(bool(breaches))


async def _runs(given: argparse.Namespace) -> list[Figures]:
    ways = (False, True) if given.signing is None else (given.signing,)
    async with opened(given) as filled:
        return [await _run(filled, given, signing=signing) for signing in ways]


async def _run(filled: Million, given: argparse.Namespace, *, signing: bool) -> Figures:
    user = await filled.somebody()
    batch: UUID = await filled.database.fetchval(WHOLE_BATCH, user)
    with TemporaryFile() as log:
        async with (
            signing_set(filled, signing=signing),
            computed_columns(filled),
            opened_readers(filled, user, batch, signing=signing, log=log) as readers,
        ):
            return await asyncio.to_thread(_measure, filled, readers, batch, given, signing=signing)


def _measure(
    filled: Million, readers: Sequence[Reader], batch: UUID, given: argparse.Namespace, *, signing: bool
) -> Figures:
    _compare(readers, signing=signing)
    costs = {(reader.name, question.name): Costs() for reader in readers for question in QUESTIONS}
    parsing, cold_costs, ours = [], Costs(), next(reader for reader in readers if reader.name == OURS)
    unseen = iter(range(sys.maxsize))
    for number in range(-1, given.rounds):
        for question in QUESTIONS:
            for reader in readers:
                count = WARM_UP if number < 0 else given.requests
                requests = [reader.requests[question.name]] * (1 + _count(reader, count))
                spent = Costs() if number < 0 else costs[reader.name, question.name]
                _spend(filled, reader, requests, spent)
        new = [cold(batch, next(unseen)) for _ in range(given.requests + 1)]
        _spend(filled, ours, new, Costs() if number < 0 else cold_costs)
        parsing.append(_parsing(new))
        print(f"  {'signing' if signing else 'no signing'}: round {number + 1} of {given.rounds}", flush=True)
    return Figures(
        signing=signing,
        costs=costs,
        memory={reader.name: memory_of(reader.service.pid) for reader in readers},
        cold=cold_costs,
        parsing=median(parsing),
    )


def _compare(readers: Sequence[Reader], *, signing: bool) -> None:
    """Nobody is fast by answering less."""
    for question in QUESTIONS:
        expected, *others = [reader.data(question.name) for reader in readers]
        for reader, data in zip(readers[1:], others, strict=True):
            if data != expected:
                raise SystemExit(f"{reader.name} does not answer {question.name} as {readers[0].name} does.")
    whole = readers[0].data("Q1")["batch"]["images"]["nodes"]
    if len(whole) != 100 or ("signature=" in whole[0]["url"]) != signing:
        raise SystemExit(f"Q1 has {len(whole)} images with addresses such as {whole[0]['url']}.")


def _count(reader: Reader, requests: int) -> int:
    return requests if reader.name in {FLOOR, OURS, POSTGRAPHILE} else max(1, requests // SLOW)


def _spend(filled: Million, reader: Reader, requests: Sequence[Request], costs: Costs) -> None:
    """Asks all of them, one after the other, on a connection that is warm."""
    reader.connection.close()  # by now, the server may have closed it as idle
    reader.ask(requests[0])
    api, postgres = cpu_of(reader.service.pid), postgres_cpu(filled.postgres)
    for request in requests[1:]:
        began = time.perf_counter()
        reader.ask(request)
        costs.seconds.append(time.perf_counter() - began)
    costs.api.append((cpu_of(reader.service.pid) - api) / (len(requests) - 1))
    costs.postgres.append((postgres_cpu(filled.postgres) - postgres) / (len(requests) - 1))


def _parsing(requests: Sequence[Request]) -> float:
    documents = [json.loads(body or b"")["query"] for _, _, body in requests]
    command = (sys.executable, PARSING)
    done = subprocess.run(command, input=json.dumps(documents).encode(), stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def _breaches(run: Figures) -> Iterator[str]:
    for question in QUESTIONS:
        floor, ours, theirs = (run.costs[name, question.name] for name in (FLOOR, OURS, POSTGRAPHILE))
        if ours.own > MOST_TIMES_FLOOR * floor.own:
            yield f"{question.name}{_way(run)}: {ours.own / floor.own:.2f} x the floor, above {MOST_TIMES_FLOOR}"
        if not run.signing and theirs.together < LEAST_TIMES_LESS * ours.together:
            less = theirs.together / ours.together
            yield f"{question.name}{_way(run)}: {less:.2f} x less than PostGraphile, not {LEAST_TIMES_LESS}"
    if run.memory[OURS] > MOST_MEMORY * run.memory[POSTGRAPHILE]:
        yield f"memory{_way(run)}: {run.memory[OURS] / run.memory[POSTGRAPHILE]:.2f} x PostGraphile's, above 0.5"
    if run.cold.own > MOST_COLD * run.parsing:
        yield f"cold{_way(run)}: {run.cold.own / run.parsing:.2f} x parsing and validation, above {MOST_COLD}"


def _report(run: Figures) -> Iterator[str]:
    names = list(run.memory)
    yield f"\nMilliseconds of CPU a request{_way(run)}; API, with PostgreSQL; time p50, p99; MiB at the end\n"
    yield " " * 18 + "".join(f"{question.name + ': ' + question.text:46}" for question in QUESTIONS)
    for name in names:
        cells = "".join(f"{_cell(run.costs[name, question.name]):46}" for question in QUESTIONS)
        yield f"  {name:16}{cells}{run.memory[name] / MEGABYTE:6.0f}"
    yield ""
    for question in QUESTIONS:
        floor, ours, theirs = (run.costs[name, question.name] for name in (FLOOR, OURS, POSTGRAPHILE))
        yield (
            f"  {question.name}: {ours.own / floor.own:.2f} x the floor's API (with PostgreSQL "
            f"{ours.together / floor.together:.2f} x); PostGraphile with PostgreSQL "
            f"{theirs.together / ours.together:.2f} x ours"
        )
    yield f"  memory: {run.memory[OURS] / run.memory[POSTGRAPHILE]:.2f} x PostGraphile's"
    warm, cold_api = run.costs[OURS, "Q1"].own, run.cold.own
    yield (
        f"  a document never seen: {1000 * cold_api:.2f} ms ({1000 * (cold_api - warm):.2f} more than a known one); "
        f"parse and validate {1000 * run.parsing:.2f} ms; {cold_api / run.parsing:.2f} x"
    )


def _cell(costs: Costs) -> str:
    cuts = quantiles(costs.seconds, n=100)
    return f"{1000 * costs.own:6.2f}{1000 * costs.together:7.2f}   p50{1000 * cuts[49]:6.1f} p99{1000 * cuts[98]:6.1f}"


def _way(run: Figures) -> str:
    return ", addresses signed" if run.signing else ", nothing signed"


if __name__ == "__main__":
    main()
