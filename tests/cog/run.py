"""A whole batch against Cog's own server: python tests/cog/run.py [what batch-studio run takes].

Starts that server with the tiny model beside this file, and Batch Studio; ends both with the batch, and as
`batch-studio run` does: with 0 where every image was made and saved.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVE = Path(__file__).with_name("serve.py")
PROGRAM = Path(sys.executable).with_name("batch-studio")
PATIENCE = 300
"""Seconds: the first time, an environment is made for Cog, and a database."""
ENDS = 15


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    port = free_port()
    environment = os.environ | {"BATCH_STUDIO_COG_URL": f"http://127.0.0.1:{port}"}
    say("Starting Cog's own server and Batch Studio. The first time takes a minute.")
    with (
        started(sys.executable, SERVE, str(port)) as cog,
        started(PROGRAM, "serve", env=environment, stdout=subprocess.PIPE, text=True) as service,
    ):
        await_health(port, cog)
        await_ready(service)
        return subprocess.run([PROGRAM, "run", *arguments, "--model", "cog"], env=environment).returncode


@contextmanager
def started(*command: object, **given: object) -> Iterator[subprocess.Popen[str]]:
    """A process that is gone after the block."""
    process = subprocess.Popen(list(map(str, command)), **given)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_health(port: int, cog: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health-check") as answer:
            if json.load(answer)["status"] == "READY":
                return
        if cog.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit("Cog's server did not start.")


def await_ready(service: subprocess.Popen[str]) -> None:
    assert service.stdout
    for line in service.stdout:
        if line == "ready\n":
            return
    sys.exit("Batch Studio did not start.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
