"""Clients of the service that read along, for secrets, what they are told: at once, in pieces, by socket."""

import ssl
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio import client
from websockets.exceptions import ConnectionClosed

from tests.leaks import Leaks

__all__ = ["LEAKS", "Overheard", "SpokenTransport", "connect", "http_client"]

LEAKS = Leaks()
"""The session's own, which tells in the end what it has found."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LONGEST_SECRET = 1_000
"""Characters of one that may be spread over several pieces of a stream."""


def http_client(**given: Any) -> httpx.AsyncClient:
    """Without certificates, which take 40 ms to load: nothing here speaks TLS."""
    return httpx.AsyncClient(timeout=30, verify=NO_TLS, event_hooks={"response": [_overhear]}, **given)


async def _overhear(response: httpx.Response) -> None:
    """An answer that comes bit by bit is read along bit by bit; signed addresses are in both by right."""
    if "event-stream" in response.headers.get("content-type", ""):
        response.stream = Overheard(response.stream)
    else:
        LEAKS.read_answer(await response.aread())


class Overheard(httpx.AsyncByteStream):
    """A stream, each piece of which is read together with the end of what came before."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        before = b""
        async for piece in self.stream:
            before = before[-LONGEST_SECRET:] + piece
            LEAKS.read_answer(before)
            yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()


class SpokenConnection(client.ClientConnection):
    """A raw socket; the reason it is closed for is read too."""

    async def recv(self, *args: Any, **given: Any) -> Any:
        try:
            message = await super().recv(*args, **given)
        except ConnectionClosed as closed:
            LEAKS.read_answer(closed.rcvd.reason.encode() if closed.rcvd else b"")
            raise
        LEAKS.read_answer(message.encode() if isinstance(message, str) else message)
        return message


connect = partial(client.connect, create_connection=SpokenConnection)


class SpokenTransport(WebsocketsTransport):
    """gql's socket."""

    async def _receive(self) -> str:
        answer = await super()._receive()
        LEAKS.read_answer(answer.encode())
        return answer
