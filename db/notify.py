"""Hints by LISTEN and NOTIFY, on a connection of their own.

A NOTIFY in each writing transaction would serialise the commits of the whole database.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from db.hints import ANSWER_TIMEOUT, Line, Listener, Send
from db.pool import CONNECT_TIMEOUT

__all__ = ["CHANNEL", "notify_line"]

CHANNEL = "batch_studio"
NOTIFY = "select pg_notify($1, payload) from unnest($2::text[]) as payload"


def notify_line(url: str) -> Line:
    """A line to all processes on the same database."""
    return partial(_listening, url)


@asynccontextmanager
async def _listening(url: str, listener: Listener) -> AsyncIterator[Send]:
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT,
        command_timeout=ANSWER_TIMEOUT,
        server_settings={
            "role": "studio_nobody",
            "application_name": "batch-studio hints",
            # A hint that a crash takes away is made up for: no disk needs to have it first.
            "synchronous_commit": "off",
        },
    )

    async def send(payloads: list[str]) -> None:
        await connection.execute(NOTIFY, CHANNEL, payloads)

    try:
        connection.add_termination_listener(lambda _: listener.lost())
        await connection.add_listener(CHANNEL, lambda *said: listener.heard(str(said[-1])))
        yield send
    finally:
        connection.terminate()
