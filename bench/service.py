"""A real service in a process of its own, on a folder and a port of its own, and what it uses."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self
from uuid import UUID, uuid4

import jwt

__all__ = [
    "Cpu",
    "Memory",
    "Service",
    "free_port",
    "is_setting",
    "own_seconds",
    "running",
    "temporary_folder",
]

READY_SECONDS = 120
STOP_SECONDS = 15
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PROGRAM = Path(sys.executable).with_name("batch-studio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """CPU seconds so far: of the process itself, of the children it draws in, of its PostgreSQL."""

    service: float
    children: float
    postgres: float

    def __sub__(self, earlier: Self) -> "Cpu":
        return Cpu(
            service=self.service - earlier.service,
            children=self.children - earlier.children,
            postgres=self.postgres - earlier.postgres,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes held now (resident set): by the process itself, and by the children it draws in."""

    service: int
    children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that answers, until the end of the block."""

    address: str
    folder: Path
    pid: int
    environment: Mapping[str, str]
    program: Sequence[str | Path]

    def token(self, user: UUID) -> str:
        claims = {"sub": str(user), "role": "authenticated", "aud": "authenticated"}
        secret = self.environment["BATCH_STUDIO_JWT_SECRET"]
        return jwt.encode(claims | {"exp": int(time.time()) + 3600}, secret, algorithm="HS256")

    def worker(self, database_url: str) -> AbstractAsyncContextManager[int]:
        """Another process of the same service, with its database's login; its id."""
        environment = {**self.environment, "DATABASE_URL": database_url}
        return _process(*self.program, "worker", environment=environment)

    def cpu(self) -> Cpu:
        # Until it is reaped, an ended process counts for itself, and from then on for its parent.
        own, reaped = _seconds(self.pid)
        keeper = int((self.folder / "postgres-keeper.lock").read_text())
        return Cpu(
            service=own,
            children=reaped + sum(map(_tree_seconds, _children(self.pid))),
            postgres=_tree_seconds(keeper),
        )

    def memory(self) -> Memory:
        return Memory(service=_resident(self.pid), children=sum(map(_resident, _descendants(self.pid))))

    def thumbnails(self) -> int:
        """How many pictures have their usual smaller copy."""
        return sum(1 for _ in (self.folder / "files").rglob("*.400.webp"))


@asynccontextmanager
async def running(
    *command: str,
    program: Sequence[str | Path] = (PROGRAM,),
    log: IO[bytes] | None = None,
    **settings: object,
) -> AsyncIterator[Service]:
    """`serve`, or what the command says, with these settings and no others; nothing is left behind.

    What it logs goes where ours does, or into the file given.
    """
    with temporary_folder() as folder:
        port = free_port()
        environment = dict(_environment(folder, port, settings))
        started = _process(*program, *(command or ("serve",)), environment=environment, log=log)
        async with started as pid:
            yield Service(
                address=f"http://127.0.0.1:{port}",
                folder=folder / "data",
                pid=pid,
                environment=environment,
                program=program,
            )


def own_seconds() -> float:
    """The CPU seconds of this very process."""
    return _seconds(os.getpid())[0]


def _environment(folder: Path, port: int, settings: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    yield from ((name, text) for name, text in os.environ.items() if not is_setting(name))
    yield "BATCH_STUDIO_PORT", str(port)
    yield "BATCH_STUDIO_LOG_LEVEL", "warning"
    yield "BATCH_STUDIO_SOCKETS_PER_MINUTE", "100000"  # a few users stand for many
    yield "BATCH_STUDIO_MUTATIONS_PER_MINUTE", "100000"
    yield "BATCH_STUDIO_DATA_DIR", str(folder / "data")
    yield "BATCH_STUDIO_JWT_SECRET", uuid4().hex
    yield from ((name, str(value)) for name, value in settings.items())


@asynccontextmanager
async def _process(
    *command: str | Path, environment: Mapping[str, str], log: IO[bytes] | None = None
) -> AsyncIterator[int]:
    """From its word `ready` to its end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=Path(environment["BATCH_STUDIO_DATA_DIR"]).parent,  # where no .env is
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    try:
        async with asyncio.timeout(READY_SECONDS):
            await _ready(process)
        yield process.pid
    finally:
        await _stop(process)


async def _ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if line == b"ready\n":
            return
    raise SystemExit("The service did not start.")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="batch-studio-bench-"))
    try:
        # Run as root, PostgreSQL is another user, who has to pass through to its cluster.
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder)


def is_setting(name: str) -> bool:
    return name.startswith(("BATCH_STUDIO_", "REPLICATE_")) or name == "DATABASE_URL"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tree_seconds(pid: int) -> float:
    return sum(_seconds(pid)) + sum(map(_tree_seconds, _children(pid)))


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _children(pid: int) -> list[int]:
    """Its threads' children; none of a thread that ends meanwhile."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except FileNotFoundError:
            continue
    return found


def _resident(pid: int) -> int:
    """0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except FileNotFoundError:
        return 0


def _seconds(pid: int) -> tuple[float, float]:
    """A process's own CPU seconds and those of the children it has reaped; none for one that is gone."""
    try:
        # proc(5): the name in brackets may hold blanks; utime, stime, cutime, cstime are fields 14 to 17.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0, 0.0
    user, system, reaped_user, reaped_system = map(int, fields[11:15])
    return (user + system) / TICKS, (reaped_user + reaped_system) / TICKS
