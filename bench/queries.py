"""What an answer costs, beside hand-written code, stock Strawberry and PostGraphile 5, in one run.

    uv run python bench/queries.py [--data FOLDER] [--rounds 15] [--requests 200] [--signing | --no-signing]

Linux only: CPU and memory are read from /proc. Over bench/million.py's database, under row-level security,
each of the four is asked three questions over one connection, in turns, a round after the other; another one
begins each turn. A turn is long, since who comes after another server first fetches back into the processor's
caches what that drove out. A figure is the median of the rounds, and so is a ratio.

First it is made sure that all give the same. All verify the same token once and then remember it, and each
request is a line in the log and a count. With signing, all sign addresses by the same SQL function; without,
that function is replaced by one that signs nothing.

Exits with 1 where the service's own CPU is above 1.2 times the hand-written floor's; where its CPU and
PostgreSQL's together are not 1.7 times less than PostGraphile's, without signing; where it holds more than
half of the memory that PostGraphile does; where a document never seen before costs more than 1.5 times its
parsing and validation.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from tempfile import TemporaryFile
from uuid import UUID

from figures import Costs, Figures, breaches, report
from meter import cpu_of, memory_of, postgres_cpu
from million import Million, add_options, opened
from readers import OURS, QUESTIONS, STOCK, Reader, Request, cold, opened_readers
from signing import computed_columns, signing_set

WARM_UP = 100
"""Requests of each question: PostgreSQL plans the first five of a statement anew, V8 compiles what is hot."""
SLOW = 5
"""Stock Strawberry is asked so many times less, or it would be most of the time that this takes."""
WHOLE_BATCH = """
    select id from batches
    where user_id = $1 and total = 100 and deleted_at is null
      and (select count(*) from images where batch_id = batches.id and deleted_at is null) = 100
    order by created_at
    offset 10 limit 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The four servers on one database, asked about one batch and its owner's history."""

    filled: Million
    readers: Sequence[Reader]
    parser: Reader
    unseen: Iterator[Request]
    turns: Iterator[Sequence[Reader]]
    signing: bool

    def round(self, requests: int) -> Figures:
        """One turn for each question and each server, and one with documents never seen."""
        costs = {}
        for question in (each.name for each in QUESTIONS):
            for reader in next(self.turns):
                times = max(1, requests // (SLOW if reader.name == STOCK else 1))
                costs[reader.name, question] = self._spend(reader, [reader.requests[question]] * (1 + times))
        new = [next(self.unseen) for _ in range(1 + requests)]
        ours = next(reader for reader in self.readers if reader.name == OURS)
        return Figures(
            signing=self.signing,
            costs=costs,
            memory={reader.name: memory_of(reader.service.pid) for reader in self.readers},
            cold=self._spend(ours, new),
            parsing=[self._parse(new)],
        )

    def _parse(self, requests: Sequence[Request]) -> float:
        """CPU seconds for a document."""
        self.parser.connection.close()
        _, *seconds = [float(self.parser.ask(each)) for each in requests]
        return sum(seconds) / len(seconds)

    def _spend(self, reader: Reader, requests: Sequence[Request]) -> Costs:
        """Asks all of them, one after the other, on a connection that is warm by the first."""
        reader.connection.close()  # by now, the server may have closed it as idle
        reader.ask(requests[0])
        api, postgres = cpu_of(reader.service.pid), postgres_cpu(self.filled.postgres)
        seconds = [_seconds(reader, request) for request in requests[1:]]
        return Costs(
            api=[(cpu_of(reader.service.pid) - api) / len(seconds)],
            postgres=[(postgres_cpu(self.filled.postgres) - postgres) / len(seconds)],
            seconds=seconds,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--requests", type=int, default=200, help="of each question to each server in a round"
    )
    parser.add_argument("--signing", action=argparse.BooleanOptionalAction, help="one way alone; else both")
    runs = asyncio.run(_runs(parser.parse_args()))
    broken = [f"BREACH: {each}" for run in runs for each in breaches(run)]
    print("\n".join(["", *(broken or ["All within the limits."])]))
    sys.exit(bool(broken))


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
            opened_readers(filled, user, batch, signing=signing, log=log) as (*readers, parser),
        ):
            _compare(readers, signing=signing)
            trial = Trial(
                filled=filled,
                readers=readers,
                parser=parser,
                unseen=(cold(batch, each) for each in count()),
                turns=cycle([readers[first:] + readers[:first] for first in range(len(readers))]),
                signing=signing,
            )
            figures = await asyncio.to_thread(_all_rounds, trial, given)
    print("\n".join(report(figures)))
    return figures


def _all_rounds(trial: Trial, given: argparse.Namespace) -> Figures:
    trial.round(WARM_UP)
    rounds = []
    for number in range(given.rounds):
        rounds.append(trial.round(given.requests))
        print(f"  {rounds[-1].way}: round {number + 1} of {given.rounds}", flush=True)
    last = rounds[-1]
    return Figures(
        signing=last.signing,
        costs={key: _joined([each.costs[key] for each in rounds]) for key in last.costs},
        memory=last.memory,
        cold=_joined([each.cold for each in rounds]),
        parsing=[each.parsing[0] for each in rounds],
    )


def _joined(costs: Sequence[Costs]) -> Costs:
    return Costs(
        api=[each for one in costs for each in one.api],
        postgres=[each for one in costs for each in one.postgres],
        seconds=[each for one in costs for each in one.seconds],
    )


def _compare(readers: Sequence[Reader], *, signing: bool) -> None:
    """Nobody is fast by answering less."""
    first, *others = readers
    for question in (each.name for each in QUESTIONS):
        expected = first.data(question)
        for reader in others:
            if reader.data(question) != expected:
                raise SystemExit(f"{reader.name} does not answer {question} as {first.name} does.")
    images = first.data("Q1")["batch"]["images"]["nodes"]
    if len(images) != 100 or ("signature=" in images[0]["url"]) != signing:
        raise SystemExit(f"Q1 has {len(images)} images with addresses such as {images[0]['url']}.")


def _seconds(reader: Reader, request: Request) -> float:
    began = time.perf_counter()
    reader.ask(request)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
