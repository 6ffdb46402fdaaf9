"""The two servers that are compared, each with batches to subscribe to and changes that can be asked for."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx
from service import free_port
from stage import PROGRAM, Stage
from subscribers import Place, cursor_of

from tests.npm.node import FOLDER, NODE, install

__all__ = ["Batch", "Reference", "Rival", "Service", "reference", "service"]

WRITER = Path(__file__).with_name("writer.py")
SDL = Path(__file__).parent.parent / "schema/schema.graphql"
MOST_SOCKETS = 1000
"""Of one user: all subscribers of a batch are its owner."""
START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { message } }
    }
"""
GENERATIONS = "select id::text from generations where batch_id = $1::uuid order by position"


@dataclass(slots=True, kw_only=True)
class Batch:
    """Its generations are changed one after another, each once; seq is that of the last change."""

    id: str
    user: str
    token: str
    generations: list[str]
    seq: int

    @property
    def place(self) -> Place:
        return Place(batch_id=self.id, seq=self.seq, token=self.token)


class Rival(Protocol):
    """A server under measurement, in a process of its own."""

    name: str
    address: str
    pid: int

    async def open_batch(self, images: int) -> Batch: ...

    async def changes(self, batch: Batch, count: int, apart: float) -> dict[int, float]:
        """Makes so many changes; the moment of each by its seq."""
        ...

    async def collect(self) -> None:
        """Frees what is no longer used, where that can be asked for."""
        ...


@dataclass(slots=True, kw_only=True)
class Lines:
    """A process that is told things, and asked, in lines of JSON."""

    process: Process

    def tell(self, **message: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def ask(self, **message: Any) -> str:
        self.tell(**message)
        return await self.answer()

    async def answer(self) -> str:
        assert self.process.stdout
        if line := await self.process.stdout.readline():
            return line.decode()
        raise SystemExit("A process of the bench ended by itself.")


@dataclass(slots=True, kw_only=True)
class Service:
    """One process of the API; a writer beside it does what a worker would."""

    stage: Stage
    writer: Lines
    address: str
    pid: int
    name: str = "Batch Studio"

    async def open_batch(self, images: int) -> Batch:
        user = uuid4()
        token = self.stage.token(user)
        id = await self._start(token, images)
        rows = await self.stage.rows(GENERATIONS, id)
        return Batch(id=id, user=str(user), token=token, generations=[row[0] for row in rows], seq=images)

    async def _start(self, token: str, images: int) -> str:
        wanted = {
            "templates": [{"name": "Numbered", "prompt": "number {{number}}"}],
            "variables": {"number": list(range(images))},
        }
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            answer = await client.post(
                f"{self.address}/graphql",
                json={"query": START, "variables": {"input": wanted}},
                headers={"authorization": f"Bearer {token}"},
            )
        return str(answer.raise_for_status().json()["data"]["startBatch"]["batchId"])

    async def changes(self, batch: Batch, count: int, apart: float) -> dict[int, float]:
        """The moments of the commits, as the writer has them."""
        changed, batch.generations = batch.generations[:count], batch.generations[count:]
        answer = await self.writer.ask(change=changed, apart=apart, topics=[batch.id, batch.user])
        first = batch.seq + 1
        batch.seq += count
        return dict(enumerate(json.loads(answer), first))

    async def race(self, batches: list[Batch], slices: int, seconds: float) -> list[float]:
        """Changes a second in each slice, of one generation of each batch."""
        lanes = [[batch.generations[0], batch.id] for batch in batches]
        return [
            float(each)
            for each in json.loads(await self.writer.ask(race=lanes, slices=slices, seconds=seconds))
        ]

    async def collect(self) -> None:
        """Python frees by itself."""


@dataclass(slots=True, kw_only=True)
class Reference:
    """graphql-ws and graphql-js in Node; what changes is told to it as it would be sent."""

    node: Lines
    address: str
    pid: int
    name: str = "Node reference"

    async def open_batch(self, images: int) -> Batch:
        generations = [str(uuid4()) for _ in range(images)]
        batch = Batch(id=str(uuid4()), user="", token="", generations=generations, seq=images)
        self.node.tell(update=_update(batch, generations[-1]))
        return batch

    async def changes(self, batch: Batch, count: int, apart: float) -> dict[int, float]:
        """The moments at which it was told."""
        began, moments = time.monotonic(), {}
        for number in range(count):
            await asyncio.sleep(began + number * apart - time.monotonic())
            batch.seq += 1
            moments[batch.seq] = time.monotonic()
            self.node.tell(update=_update(batch, batch.generations.pop(0)))
        return moments

    async def collect(self) -> None:
        await self.node.ask(collect=True)


def _update(batch: Batch, generation: str) -> Mapping[str, Any]:
    """What the service would send of this change."""
    counts = {"total": 1000, "running": batch.seq, "succeeded": 0, "failed": 0, "saved": 0}
    return {
        "cursor": cursor_of(batch.id, batch.seq),
        "generation": {
            "id": generation,
            "position": batch.seq,
            "status": "RUNNING",
            "saved": False,
            "imageUrl": None,
        },
        "batch": {"id": batch.id, "status": "RUNNING", "counts": counts},
    }


@asynccontextmanager
async def service(stage: Stage) -> AsyncIterator[Service]:
    """The API alone; it ends with the stage."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    pid = await stage.start("api", PROGRAM, "serve", "--no-worker", port=port, max_sockets=MOST_SOCKETS)
    async with _lines(sys.executable, "-P", WRITER, env=stage.environment) as writer:
        await stage.until_ready(address)
        yield Service(stage=stage, writer=writer, address=address, pid=pid)


@asynccontextmanager
async def reference() -> AsyncIterator[Reference]:
    """Node, from its wheel, with what npm has."""
    install()
    async with _lines(NODE, "--expose-gc", "server.mjs", SDL, cwd=FOLDER) as node:
        port = (await node.answer()).strip()
        yield Reference(node=node, address=f"http://127.0.0.1:{port}", pid=node.process.pid)


@asynccontextmanager
async def _lines(*command: str | Path, **given: Any) -> AsyncIterator[Lines]:
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, **given)
    try:
        yield Lines(process=process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
