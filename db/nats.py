"""Hints by core NATS: for many machines, and for a database that need not carry them.

The client's own reconnecting is off, since a line that is gone is replaced as a whole (db.hints).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from urllib.parse import quote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg

from db.hints import Line, Listener, Send

__all__ = ["nats_line", "subject_of"]

CONNECT_TIMEOUT = 2
FLUSH_TIMEOUT = 3
CLOSE_TIMEOUT = 1.0
MOST_UNHEARD = 10_000
"""Messages that may wait to be heard; more end the line, and the next one wakes everybody."""


def nats_line(servers: Sequence[str], subject: str) -> Line:
    """A line to all processes with the same subject; of the servers, any that answers."""
    return partial(_listening, servers, subject)


def subject_of(database_url: str) -> str:
    """The subject of the services on one database: by its name, for they may call its host differently.

    Databases of one name hear each other's ids, which mean nothing to them.
    """
    name = urlsplit(database_url).path.strip("/")
    return f"batch-studio.{quote(name, safe='').replace('.', '%2E') or 'default'}.hints"


@asynccontextmanager
async def _listening(servers: Sequence[str], subject: str, listener: Listener) -> AsyncIterator[Send]:
    client = Client()
    faults: list[Exception] = []

    async def on_error(error: Exception) -> None:
        faults.append(error)
        listener.lost()

    async def on_closed() -> None:
        listener.lost()

    async def on_message(message: Msg) -> None:
        listener.heard(message.data.decode(errors="replace"))

    async def send(payloads: list[str]) -> None:
        for payload in payloads:
            await client.publish(subject, payload.encode())
        await client.flush(FLUSH_TIMEOUT)
        if faults:
            raise faults[0]

    try:
        await client.connect(
            list(servers),
            name="batch-studio hints",
            error_cb=on_error,
            closed_cb=on_closed,
            connect_timeout=CONNECT_TIMEOUT,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # that is, two for each server before it gives up
            reconnect_time_wait=0,
        )
        faults.clear()  # of the servers that were tried before
        await client.subscribe(subject, cb=on_message, pending_msgs_limit=MOST_UNHEARD)
        # nats-py's first ping overtakes the subscription; the answer to a second means that it stands.
        await send([])
        await send([])
        yield send
    finally:
        with suppress(TimeoutError):  # a server that is stalled
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await client.close()
