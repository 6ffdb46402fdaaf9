"""What processes have used, from /proc: CPU to the nanosecond, and memory."""

import os
from collections.abc import Iterable
from pathlib import Path

from server.embedded import EmbeddedPostgres

__all__ = ["cpu_of", "memory_of", "postgres_cpu"]

PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid: int) -> float:
    """Seconds on a CPU so far, user and system, of all its threads.

    sched-stats: /proc/PID/stat has the same in hundredths of a second, which is a hundred requests.
    """
    return sum(_first_number(task / "schedstat") for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def postgres_cpu(postgres: EmbeddedPostgres) -> float:
    """Of the server and all of its processes that live."""
    postmaster = int((postgres.directory / "postmaster.pid").read_text().split()[0])
    return sum(map(cpu_of, (postmaster, *_children(postmaster))))


def memory_of(pid: int) -> int:
    """Bytes held (resident set)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def _children(pid: int) -> Iterable[int]:
    return map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _first_number(file: Path) -> int:
    try:
        return int(file.read_text().split()[0])
    except FileNotFoundError:  # a thread that ends meanwhile
        return 0
