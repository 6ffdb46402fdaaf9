"""Which processes belong to a cluster: numbers alone prove nothing, they come again."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

__all__ = ["end_orphans", "serves"]

PROC = Path("/proc")


def serves(pid: int, cluster: Path) -> bool:
    """True if the living process is the server of this cluster, or one of its helpers."""
    if _has_proc():
        # They work in the cluster's folder; a zombie works nowhere.
        try:
            return (PROC / str(pid) / "cwd").samefile(cluster)
        except OSError:
            return False
    told = subprocess.run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True)
    return f"-D {cluster} " in told.stdout.decode()


def end_orphans(cluster: Path) -> None:
    """Ends what a killed server has left at work, as the server itself would have done.

    A backend notices the server's death when it next waits for something: a long query may take
    hours to get there, and no new server starts before. Without /proc that has to be waited for.
    """
    for name in PROC.glob("[0-9]*/comm") if _has_proc() else ():
        # A shell may stand in the cluster's folder as well.
        with suppress(OSError):
            if name.read_text() == "postgres\n" and serves(int(name.parent.name), cluster):
                os.kill(int(name.parent.name), signal.SIGQUIT)


def _has_proc() -> bool:
    return (PROC / "self" / "cwd").exists()
