"""The running server: started or adopted, watched and stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from server.embedded.account import Account
from server.embedded.processes import end_orphans, serves
from server.embedded.sockets import PORT

__all__ = ["PidFile", "Postmaster"]

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_destination": "stderr",
    "logging_collector": "off",
    # Users' texts stay out of the log: no statements, no parameters, no details of errors.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}

STOP_POLL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFile:
    """What a cluster's postmaster.pid says; see "miscadmin.h" in PostgreSQL for its lines."""

    pid: int
    socket_dir: Path | None
    ready: bool

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """None where there is no server, or one that has hardly begun."""
        try:
            lines = (cluster / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (OSError, IndexError, ValueError):
            return None
        lines += [""] * 8
        socket_dir = Path(lines[4]) if lines[4] else None
        return cls(pid=pid, socket_dir=socket_dir, ready=lines[7].strip() == "ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """A server process; `child` is None where another keeper started it."""

    pid: int
    cluster: Path
    child: subprocess.Popen[bytes] | None
    since: float = field(default_factory=time.monotonic)

    @classmethod
    def start(
        cls,
        cluster: Path,
        account: Account,
        binaries: Path,
        *,
        socket_dir: Path,
        settings: Sequence[str],
        log: int,
    ) -> Self:
        """A new server, not yet ready; `settings` are name=value and come last."""
        options = [*(f"{name}={value}" for name, value in SETTINGS.items()), *settings]
        words = [word for option in options for word in ("-c", option)]
        place = ("-D", cluster, "-k", socket_dir, "-p", str(PORT))
        child = account.start(binaries / "postgres", *place, *words, output=log)
        return cls(pid=child.pid, cluster=cluster, child=child)

    @classmethod
    def adopt(cls, cluster: Path) -> Self | None:
        """The server that already runs on this cluster; else clears away what it left."""
        noted = PidFile.read(cluster)
        if noted is not None and serves(noted.pid, cluster):
            return cls(pid=noted.pid, cluster=cluster, child=None)
        end_orphans(cluster)
        # The number may be another process's by now, and PostgreSQL would not start for it.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        return None

    def is_alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return serves(self.pid, self.cluster)

    def is_ready(self) -> bool:
        """True from the end of the start, or of crash recovery, to the beginning of the stop."""
        noted = PidFile.read(self.cluster)
        return noted is not None and noted.pid == self.pid and noted.ready

    def age(self) -> float:
        """Seconds since the start or the adoption."""
        return time.monotonic() - self.since

    def stop(self) -> bool:
        """Ends every session and the server; false if it is still there after 40 seconds."""
        # A fast shutdown, and where that takes too long one that recovers at the next start.
        return self._ends(signal.SIGINT, 30) or self._ends(signal.SIGQUIT, 10)

    def _ends(self, request: signal.Signals, patience: float) -> bool:
        deadline = time.monotonic() + patience
        if self.is_alive():
            os.kill(self.pid, request)
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(STOP_POLL)
        return True
