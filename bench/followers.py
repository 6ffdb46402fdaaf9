"""Clients that follow batches over sockets that break, and keep a log of all they were told."""

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

__all__ = ["Follower", "Log", "State"]

FOLLOW = """
    subscription ($id: ID!, $after: String) {
      batchResults(batchId: $id, after: $after) {
        cursor
        generation { id status saved }
        batch { status }
      }
    }
"""
PROTOCOL = Subprotocol("graphql-transport-ws")
OPEN_SECONDS = 5
PAUSE = (0.05, 0.3)
"""Seconds before the next connection, from and to."""
BROKEN = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, EOFError)
FINISHED = {"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELED"}


class State(NamedTuple):
    """What a generation became, and with which of the batch's changes."""

    seq: int
    status: str
    saved: bool


@dataclass(slots=True, kw_only=True)
class Log:
    """What one client was told of one batch, over all its connections."""

    seqs: list[int] = field(default_factory=list)
    last: dict[str, State] = field(default_factory=dict)
    cursor: str | None = None
    finished: bool = False
    completed_at: datetime | None = None
    errors: list[Any] = field(default_factory=list)

    def add(self, update: Mapping[str, Any]) -> None:
        self.cursor = update["cursor"]
        seq = _seq(update["cursor"])
        self.seqs.append(seq)
        self.finished = update["batch"]["status"] in FINISHED
        if generation := update["generation"]:
            self.last[generation["id"]] = State(seq, generation["status"], generation["saved"])

    @property
    def doubled(self) -> int:
        """Cursors that came again."""
        return len(self.seqs) - len(set(self.seqs))

    @property
    def out_of_order(self) -> int:
        """Cursors lower than the one before."""
        return sum(after < before for before, after in zip(self.seqs, self.seqs[1:], strict=False))

    def lost(self, table: Mapping[str, State]) -> int:
        """Generations whose last state is not the table's."""
        return sum(self.last.get(id) != state for id, state in table.items())


@dataclass(slots=True, kw_only=True)
class Follower:
    """One client; it connects to any of the addresses, each time to another as its dice fall."""

    addresses: Sequence[str]
    token: str
    dice: random.Random
    socket: ClientConnection | None = None
    logs: dict[str, Log] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)

    async def follow(self, batch_id: str) -> None:
        """Until its stream completes, however often the socket breaks."""
        log = self.logs[batch_id] = Log()
        while log.completed_at is None:
            try:
                async with self._connected() as socket:
                    await self._listen(socket, batch_id, log)
            except BROKEN as error:
                self.broken[_cause(error)] += 1
            await asyncio.sleep(self.dice.uniform(*PAUSE))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        """A socket that is acknowledged; it can be cut as long as it is open."""
        address = self.dice.choice(self.addresses).replace("http", "ws", 1)
        async with connect(
            f"{address}/graphql",
            subprotocols=[PROTOCOL],
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=1,
            proxy=None,
        ) as socket:
            await _send(socket, type="connection_init", payload={"Authorization": f"Bearer {self.token}"})
            async with asyncio.timeout(OPEN_SECONDS):
                await socket.recv()
            self.socket = socket
            try:
                yield socket
            finally:
                self.socket = None

    async def _listen(self, socket: ClientConnection, batch_id: str, log: Log) -> None:
        """Until the socket breaks or the stream ends, which is its completion unless it has failed."""
        failures = len(log.errors)
        variables = {"id": batch_id, "after": log.cursor}
        await _send(socket, type="subscribe", id="1", payload={"query": FOLLOW, "variables": variables})
        async for text in socket:
            match json.loads(text):
                case {"type": "next", "payload": {"errors": errors}}:
                    log.errors.append(errors)
                case {"type": "next", "payload": {"data": data}}:
                    log.add(data["batchResults"])
                case {"type": "error", "payload": errors}:
                    log.errors.append(errors)
                    return
                case {"type": "ping"}:
                    await _send(socket, type="pong")
                case {"type": "complete"}:
                    if failures == len(log.errors):
                        log.completed_at = datetime.now(UTC)
                    return


async def _send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


def _seq(cursor: str) -> int:
    """A cursor is opaque to clients; who judges them must look in."""
    _, seq = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return int(seq)


def _cause(error: BaseException) -> str:
    if isinstance(error, ConnectionClosed):
        return f"closed {error.rcvd.code}" if error.rcvd else "broken"
    return "no connection"
