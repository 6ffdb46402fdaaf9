"""Starts Cog's own HTTP server with the tiny model beside this file: python tests/cog/serve.py [port].

The server runs in an environment of its own below the user's cache, made by uv the first time and
again whenever requirements.txt changes; no Docker. It needs nothing but the standard library and uv.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


def environment() -> Path:
    """The environment's folder, made if need be; whoever comes meanwhile waits."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / f"cog-{pins}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder)
            (folder / "complete").touch()
    return folder


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batch-studio"


def make(folder: Path) -> None:
    uv = os.environ.get("UV", "uv")  # uv run tells where it lies
    # The Python of a virtual environment is a link; its origin outlives that environment.
    python = str(Path(sys.executable).resolve())
    subprocess.run([uv, "venv", "-q", "--clear", "--python", python, folder], check=True)
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", folder / "bin" / "python", "-r", REQUIREMENTS],
        check=True,
    )


def serve(port: int) -> None:
    """Becomes the server, on loopback."""
    programs = environment() / "bin"
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    os.chdir(HERE)
    os.execve(  # noqa: S606 - it is to take the signals itself
        programs / "python",
        [str(programs / "python"), "-m", "cog.server.http", "--host", "127.0.0.1"],
        {
            **inherited,
            "PATH": f"{programs}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PORT": str(port),
            "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
            "COG_LOG_LEVEL": inherited.get("COG_LOG_LEVEL", "warning"),
        },
    )


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
