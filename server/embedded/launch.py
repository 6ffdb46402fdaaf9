"""Starting a keeper, and telling from its end what went wrong."""

import asyncio
import os
import re
import sys
from pathlib import Path

from server.embedded.errors import ServerStartError
from server.embedded.order import Order, Outcome

__all__ = ["launch_keeper"]

LOG_TAIL_BYTES = 8_000

# Not the first reason, nor a client's mistake, but what every failed start ends with.
EPILOGUE = re.compile(r"database system is|aborting startup|terminated by signal")
REASON = re.compile(r"FATAL:|PANIC:|error:|Error")


async def launch_keeper(order: Order) -> None:
    """Returns when the server is ready or another keeper works at it.

    Raises `ServerStartError`. Cancelled, it leaves a keeper that ends when it finds no holder.
    """
    # `-P` and a folder that is always there: nothing lying about can be imported instead of us.
    command = [sys.executable, "-P", "-m", "server.embedded.keeper", *order.arguments()]
    log = _open_log(order.place.keeper_log)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    outcome = await _outcome(process)
    if outcome != Outcome.READY:
        place = order.place
        path = place.log if outcome == Outcome.REFUSED else place.keeper_log
        raise ServerStartError(path, last_words(path))


def last_words(log: Path) -> str:
    """The line of a log's end that gives the reason, else its last line."""
    try:
        tail = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError as error:
        return str(error)
    lines = [line.strip() for line in tail.splitlines() if line.strip()] or ["(nothing)"]
    reasons = (line for line in reversed(lines) if REASON.search(line) and not EPILOGUE.search(line))
    return next(reasons, lines[-1])


async def _outcome(process: asyncio.subprocess.Process) -> int:
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
