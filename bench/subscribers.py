"""Subscribers that cost as little as can be: they note what comes and when, and read it afterwards."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

__all__ = ["Place", "Subscriber", "cursor_of", "subscribed"]

FOLLOW = """
    subscription ($id: ID!, $after: String) {
      batchResults(batchId: $id, after: $after) {
        cursor
        generation { id position status saved imageUrl }
        batch { id status counts { total running succeeded failed saved } }
      }
    }
"""
# RFC 6455: a key of any 16 bytes, and a mask of zeros, which leaves the payload as it is.
UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
MASK = b"\0\0\0\0"
TEXT, PING, PONG = 0x81, 0x89, 0x8A
UPDATE = b'"batchResults"'
OPEN_SECONDS = 30
OPENED_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is subscribed to, and as whom; from the last change but one, so that one comes at once."""

    batch_id: str
    seq: int
    token: str = ""


@dataclass(slots=True, kw_only=True)
class Subscriber(asyncio.Protocol):
    """One socket with one subscription."""

    place: Place
    host: str
    transport: asyncio.Transport | None = None
    heard: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    received: list[tuple[float, bytes]] = field(default_factory=list)
    count: int = 0
    latest: float = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(UPGRADE.format(host=self.host).encode())

    def data_received(self, data: bytes) -> None:
        self.latest = time.monotonic()
        self.received.append((self.latest, data))
        self.count += data.count(UPDATE)
        if data[0] == PING:
            self._send(b"", PONG)
        if not self.heard.done():
            self._advance(data)

    def forget(self) -> None:
        """What has come so far."""
        self.received.clear()
        self.count = 0
        self.latest = time.monotonic()

    def _advance(self, data: bytes) -> None:
        """The next step on the way to the first update."""
        if b" 101 " in data:
            self._say(type="connection_init", payload={"Authorization": f"Bearer {self.place.token}"})
        if b'"connection_ack"' in data:
            after = cursor_of(self.place.batch_id, self.place.seq - 1)
            variables = {"id": self.place.batch_id, "after": after}
            self._say(type="subscribe", id="1", payload={"query": FOLLOW, "variables": variables})
        if UPDATE in data:
            self.heard.set_result(None)

    def _say(self, **message: object) -> None:
        self._send(json.dumps(message).encode(), TEXT)

    def _send(self, payload: bytes, opcode: int) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        assert self.transport
        self.transport.write(bytes([opcode]) + length + MASK + payload)

    def updates(self) -> Iterator[tuple[int, float]]:
        """The seq of each update that came and is not forgotten, and when."""
        rest = b""
        for moment, data in self.received:
            rest += data
            for payload, left in _frames(rest):
                rest = left
                if UPDATE in payload:
                    update = json.loads(payload)["payload"]["data"]["batchResults"]
                    yield _seq(update["cursor"]), moment


def _frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The payload of each whole frame, and what follows it; a server's frames are not masked."""
    while len(data) >= 2:
        size, start = data[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return
        payload, data = data[start : start + size], data[start + size :]
        yield payload, data


def cursor_of(batch_id: str, seq: int) -> str:
    """As the service writes it."""
    keys = json.dumps([batch_id, seq], separators=(",", ":"))
    return base64.urlsafe_b64encode(keys.encode()).decode().rstrip("=")


def _seq(cursor: str) -> int:
    _, seq = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return int(seq)


@asynccontextmanager
async def subscribed(address: str, places: Sequence[Place]) -> AsyncIterator[list[Subscriber]]:
    """A subscriber at each place, every one of which has had its first update."""
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    subscribers = await asyncio.gather(*(_subscriber(address, place, gate) for place in places))
    try:
        yield list(subscribers)
    finally:
        for subscriber in subscribers:
            assert subscriber.transport
            subscriber.transport.close()


async def _subscriber(address: str, place: Place, gate: asyncio.Semaphore) -> Subscriber:
    parts = urlsplit(address)
    async with gate, asyncio.timeout(OPEN_SECONDS):
        _, subscriber = await asyncio.get_running_loop().create_connection(
            lambda: Subscriber(place=place, host=parts.netloc), parts.hostname, parts.port
        )
        await subscriber.heard
    return subscriber
