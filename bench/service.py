"""A real service in a process of its own, on a folder and a port of its own, and the CPU time it uses."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

__all__ = ["Cpu", "Service", "free_port", "is_setting", "own_seconds", "running", "temporary_folder"]

READY_SECONDS = 120
STOP_SECONDS = 15
TICKS = os.sysconf("SC_CLK_TCK")


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
class Service:
    """A service that answers, until the end of the block."""

    address: str
    folder: Path
    pid: int

    async def token(self) -> str:
        """The local user's, as the browser gets it."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self.address}/local/token", headers={"origin": self.address})
        return str(answer.raise_for_status().json()["token"])

    def cpu(self) -> Cpu:
        # Until it is reaped, an ended process counts for itself, and from then on for its parent.
        own, reaped = _seconds(self.pid)
        keeper = int((self.folder / "postgres-keeper.lock").read_text())
        return Cpu(
            service=own,
            children=reaped + sum(map(_tree_seconds, _children(self.pid))),
            postgres=_tree_seconds(keeper),
        )

    def thumbnails(self) -> int:
        """How many pictures have their usual smaller copy."""
        return sum(1 for _ in (self.folder / "files").rglob("*.400.webp"))


@asynccontextmanager
async def running() -> AsyncIterator[Service]:
    """Nothing of the caller's settings counts, and nothing is left behind."""
    with temporary_folder() as folder:
        port = free_port()
        kept = {name: text for name, text in os.environ.items() if not is_setting(name)}
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("batch-studio"),
            cwd=folder,  # where no .env is
            env=kept | {"BATCH_STUDIO_PORT": str(port), "BATCH_STUDIO_LOG_LEVEL": "warning"},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(READY_SECONDS):
                await _ready(process)
            data_dir = folder / ".batch-studio"
            yield Service(address=f"http://127.0.0.1:{port}", folder=data_dir, pid=process.pid)
        finally:
            await _stop(process)


def own_seconds() -> float:
    """The CPU seconds of this very process."""
    return _seconds(os.getpid())[0]


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


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.glob("*/children") for child in task.read_text().split()]


def _seconds(pid: int) -> tuple[float, float]:
    """A process's own CPU seconds and those of the children it has reaped; none for one that is gone."""
    try:
        # proc(5): the name in brackets may hold blanks; utime, stime, cutime, cstime are fields 14 to 17.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0, 0.0
    user, system, reaped_user, reaped_system = map(int, fields[11:15])
    return (user + system) / TICKS, (reaped_user + reaped_system) / TICKS
