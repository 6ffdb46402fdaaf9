"""What startBatch of 1,000 images costs: CPU of the API, and time against a plain insert of the same rows.

    uv run python bench/start.py [--calls 50] [--images 1000]

The API alone, without a worker. Parsing is taken apart by a directive of GraphQL's own: with `$skip` true the
same document and variables are received, parsed, validated and coerced, and nothing is executed. What a call
takes beyond that is startBatch's: making the input, the plan, the transaction, the answer.

The plain insert is one batch and its generations, as the same login and role, in one transaction, by
the statement one would write first; all of them take turns. Exits with 1 where either
way to ask is above a target.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from meter import cpu_of
from service import Service, running

from server.embedded import embedded_postgres

MOST_CPU = 0.004
MOST_TIMES = 1.5
WARM_UP = 5
DOCUMENT = """
    mutation ($input: StartBatchInput!, $skip: Boolean!) {
      startBatch(input: $input) @skip(if: $skip) { batchId userErrors { message } }
    }
"""
IDENTITY = "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)"
INSERT_BATCH = """
    insert into batches (title, model, total, seq)
    values ('Plain', 'demo', $1::integer, $1::integer)
    returning id
"""
INSERT_GENERATIONS = """
    insert into generations (batch_id, position, template_name, name, prompt, model, parameters, seed, seq)
    select $1, position, name, name, prompt, 'demo', '{}', seed, position + 1
    from jsonb_to_recordset($2) as g (position integer, name text, prompt text, seed bigint)
"""
Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds: CPU of the API by a call, by parsing alone, and how long each took."""

    cpu: float
    parsing_cpu: float
    call: float
    parsing: float
    insert: float

    @property
    def own_cpu(self) -> float:
        return self.cpu - self.parsing_cpu

    @property
    def times(self) -> float:
        """Of a plain insert, all that is not parsing."""
        return (self.call - self.parsing) / self.insert


@dataclass(frozen=True, slots=True)
class Spent:
    """By one kind of step, each time: seconds, and CPU seconds of the service."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def time(self, step: Callable[[], Awaitable[None]]) -> None:
        began = time.perf_counter()
        await step()
        self.seconds.append(time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=50, help="of each kind")
    parser.add_argument("--images", type=int, default=1000, help="of each batch, up to 1,000")
    given = parser.parse_args()
    costs = asyncio.run(_costs(given.calls, given.images))
    print("\n".join(_report(costs, given)))
    sys.exit(any(map(_is_breach, costs.values())))


async def _costs(calls: int, images: int) -> dict[str, Cost]:
    async with AsyncExitStack() as stack:
        # Nothing is made, so that all of it goes on waiting.
        unlimited = {"BATCH_STUDIO_MAX_QUEUED": 10**9}
        service = await stack.enter_async_context(running("serve", "--no-worker", **unlimited))
        postgres = await stack.enter_async_context(embedded_postgres(service.folder))
        database = await asyncpg.connect(postgres.login_url, server_settings={"jit": "off"})
        stack.push_async_callback(database.close)
        client = await stack.enter_async_context(_client(service))
        costs = {}
        for name, wanted in _inputs(images).items():
            print(f"  {name} ...", flush=True)
            costs[name] = await _cost(service, client, wanted, Plain(database, images), calls)
        return costs


def _client(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=service.address,
        headers={"authorization": f"Bearer {service.token(uuid4())}"},
        timeout=30,
        trust_env=False,
    )


def _inputs(images: int) -> dict[str, Input]:
    """The two ways to ask for so many images that all differ."""
    prompt = "a lighthouse at dawn, seen from a small boat, number {}"
    return {
        "one template, a list of values": {
            "templates": [{"name": "Numbered", "prompt": prompt.format("{{number}}")}],
            "variables": {"number": list(range(images))},
        },
        "a template for each image": {
            "templates": [{"name": f"Number {n}", "prompt": prompt.format(n)} for n in range(images)],
        },
    }


@dataclass(frozen=True, slots=True)
class Plain:
    """The same rows without the service."""

    database: asyncpg.Connection
    images: int

    async def insert(self) -> None:
        rows = [
            {"position": n, "name": "Numbered", "prompt": f"a lighthouse at dawn, number {n}", "seed": n}
            for n in range(self.images)
        ]
        async with self.database.transaction():
            await self.database.fetch(IDENTITY, json.dumps({"sub": str(uuid4()), "role": "authenticated"}))
            batch_id: UUID = await self.database.fetchval(INSERT_BATCH, self.images)
            await self.database.execute(INSERT_GENERATIONS, batch_id, json.dumps(rows))


async def _cost(service: Service, client: httpx.AsyncClient, wanted: Input, plain: Plain, calls: int) -> Cost:
    async def call() -> None:
        await _ask(client, wanted, skip=False)

    async def parse() -> None:
        await _ask(client, wanted, skip=True)

    for step in (call, parse, plain.insert) * WARM_UP:
        await step()
    called, parsed, inserts = Spent(), Spent(), Spent()
    for _ in range(calls):
        # After each, an insert: what PostgreSQL leaves of the processor's caches is the same for both.
        for asked, step in ((called, call), (parsed, parse)):
            before = cpu_of(service.pid)
            await asked.time(step)
            await inserts.time(plain.insert)
            asked.cpu.append(cpu_of(service.pid) - before)
    return Cost(
        cpu=mean(called.cpu),
        parsing_cpu=mean(parsed.cpu),
        call=median(called.seconds),
        parsing=median(parsed.seconds),
        insert=median(inserts.seconds),
    )


async def _ask(client: httpx.AsyncClient, wanted: Input, *, skip: bool) -> None:
    asked = {"query": DOCUMENT, "variables": {"input": wanted, "skip": skip}}
    answer = (await client.post("/graphql", json=asked)).json()
    if skip and answer != {"data": {}}:
        raise SystemExit(f"Something was executed: {answer}")
    if not skip and (answer.get("errors") or answer["data"]["startBatch"]["userErrors"]):
        raise SystemExit(f"A batch was refused: {answer}")


def _is_breach(cost: Cost) -> bool:
    return cost.own_cpu > MOST_CPU or cost.times > MOST_TIMES


def _report(costs: Mapping[str, Cost], given: argparse.Namespace) -> Iterator[str]:
    yield ""
    yield f"startBatch of {given.images:,} images, {given.calls} calls each; milliseconds"
    yield "                                    CPU: all  parsing   own   time: own  plain insert  times"
    for name, cost in costs.items():
        breach = "   above it" if _is_breach(cost) else ""
        cpu = f"{1000 * cost.cpu:>8.1f}{1000 * cost.parsing_cpu:>9.1f}{1000 * cost.own_cpu:>6.1f}"
        taken = f"{1000 * (cost.call - cost.parsing):>13.1f}{1000 * cost.insert:>14.1f}{cost.times:>7.2f}"
        yield f"  {name:<34}{cpu}{taken}{breach}"
    yield f"  own: beside parsing; at most {1000 * MOST_CPU:g} ms of CPU, {MOST_TIMES:g} times a plain insert"


if __name__ == "__main__":
    main()
