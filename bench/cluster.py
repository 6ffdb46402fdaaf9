"""Many machines on one: PostgreSQL, NATS, two APIs, two workers, and one address in front of them.

    uv run python bench/cluster.py [--port 8000]

Prints the address and a user's token, and ends everything on Ctrl-C.
"""

import argparse
import asyncio
import signal
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from service import free_port
from stage import PROGRAM, Stage, staged

__all__ = ["APIS", "WORKERS", "Cluster", "clustered"]

NATS = Path(sys.executable).with_name("nats-server")
APIS = 2
WORKERS = 2
READY_SECONDS = 30
LOOK = 0.05
CHUNK = 65536


@dataclass(slots=True, kw_only=True)
class Front:
    """Hands each connection, of whatever protocol, to the next port that takes it."""

    ports: deque[int]
    carried: Counter[int] = field(default_factory=Counter)
    carrying: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Listens until the end of the block, which ends every connection."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for task in self.carrying:
                task.cancel()
            await asyncio.gather(*self.carrying, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self.carrying.add(task)
        task.add_done_callback(self.carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await self._next()
            await asyncio.gather(_pass(reader, there_writer), _pass(there_reader, writer))
        finally:
            writer.transport.abort()

    async def _next(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError where none takes it."""
        for _ in self.ports:
            port = self.ports[0]
            self.ports.rotate(-1)
            with suppress(OSError):
                ends = await asyncio.open_connection("127.0.0.1", port)
                self.carried[port] += 1
                return ends
        raise ConnectionRefusedError


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until the source ends, or either breaks; then the sink ends too."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except OSError:
        sink.transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What runs, the one address to use it at, and the one where NATS says what it carried."""

    stage: Stage
    front: Front
    address: str
    nats_figures: str


@asynccontextmanager
async def clustered(port: int) -> AsyncIterator[Cluster]:
    """All of it, until the end of the block."""
    address = f"http://127.0.0.1:{port}"
    ports = [free_port() for _ in range(APIS)]
    front = Front(ports=deque(ports))
    async with front.open(port), staged() as stage:
        nats_url, figures = await _start_nats(stage)
        for number, own in enumerate(ports, 1):
            command = (PROGRAM, "serve", "--no-worker")
            await stage.start(f"api {number}", *command, port=own, public_url=address, nats_url=nats_url)
        for number in range(1, WORKERS + 1):
            await stage.start(f"worker {number}", PROGRAM, "worker", nats_url=nats_url)
        for own in ports:
            await stage.until_ready(f"http://127.0.0.1:{own}")
        yield Cluster(stage=stage, front=front, address=address, nats_figures=figures)


async def _start_nats(stage: Stage) -> tuple[str, str]:
    """Its address, once it listens, and the address of its figures."""
    port, monitor = free_port(), free_port()
    options = {"addr": "127.0.0.1", "port": port, "http_port": monitor}
    await stage.start("nats", NATS, *(f"--{name}={value}" for name, value in options.items()))
    async with asyncio.timeout(READY_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitor}/varz"
            await asyncio.sleep(LOOK)


async def _play(port: int) -> None:
    stopping = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    async with clustered(port) as cluster:
        print(f"Batch Studio at {cluster.address}, logs in {cluster.stage.folder}")
        print(f"A user's token: {cluster.stage.token(uuid4())}")
        print("ready", flush=True)
        await stopping.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8000)
    asyncio.run(_play(parser.parse_args().port))


if __name__ == "__main__":
    main()
