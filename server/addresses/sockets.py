"""WebSockets at /graphql: graphql-transport-ws, under the token that connection_init brings."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, aclosing, suppress
from math import ceil
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from engine.viewer import ANONYMOUS
from resolvers.faults import Fault
from server.addresses.protocol import (
    SUBPROTOCOL,
    ClosingError,
    Code,
    Complete,
    Conversation,
    Init,
    Message,
    Ping,
    Pong,
    Subscribe,
    acknowledged,
    completed,
    failed,
    next_of,
    pong,
)
from server.addresses.seats import NoSeatError, Seats, address_of
from server.identity.auth import Authenticator, BadTokenError, seconds_left
from server.live.streams import Live
from server.live.subscriber import StreamCutError
from server.operations.errors import RefusedError
from server.operations.pipeline import Operation
from server.watching.visits import Visits

__all__ = ["Sockets"]

INIT_SECONDS = 10.0
POLICY_VIOLATION = 1008
TOO_MANY_REQUESTS = 429


class Sockets:
    """The ASGI application of all sockets: who comes from elsewhere, or speaks otherwise, is sent away."""

    def __init__(
        self,
        live: Live,
        authenticator: Authenticator,
        *,
        seats: Seats,
        most_operations: int,
        allowed_origins: Iterable[str],
        visits: Visits,
    ) -> None:
        self.live = live
        self.visits = visits
        self.authenticator = authenticator
        self.seats = seats
        self.most_operations = most_operations
        self.allowed_origins = normalize_allowed_origins(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if not self._welcomes(Headers(scope=scope)):
            # Before the handshake is answered, it is answered with 403.
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        try:
            await self.seats.knock(scope)
        except NoSeatError as error:
            await _turn_away(send, error.seconds)
            return
        speaks = SUBPROTOCOL in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if speaks else None})
        socket = Socket(self, scope, receive, send)
        if speaks:
            await socket.run()
        else:
            await socket.close(ClosingError(Code.BAD_SUBPROTOCOL))

    def _welcomes(self, headers: Headers) -> bool:
        """Browsers always say which page asks, and only their pages could act for somebody unaware."""
        origin = headers.get("origin")
        if origin is None or headers.get("sec-fetch-site") == "same-origin":
            return True
        return is_same_origin(origin, headers.get("host")) or normalize_origin(origin) in self.allowed_origins


class Socket:
    """One connection: a task that listens, and one for each operation under way."""

    def __init__(self, sockets: Sockets, scope: Scope, receive: Receive, send: Send) -> None:
        self.sockets = sockets
        self.scope = scope
        self.receive = receive
        self.send = send
        self.viewer = ANONYMOUS
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.talk = Conversation(self.operations)
        self.seat = AsyncExitStack()
        self.deadline = asyncio.timeout(INIT_SECONDS)

    async def run(self) -> None:
        """Until either side closes, or the time is over that the token gives."""
        async with self.seat:
            try:
                closing = await self._listen()
            finally:
                await self._end_all()
            if closing:
                await self.close(closing)

    async def close(self, closing: ClosingError) -> None:
        with suppress(OSError):
            await self.send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})

    async def _listen(self) -> ClosingError | None:
        """Why it is to be closed; None where the client did that."""
        try:
            async with self.deadline:
                while (heard := await self.receive())["type"] == "websocket.receive":
                    await self._answer(self.talk.hear(heard.get("text")))
        except ClosingError as closing:
            return closing
        except TimeoutError:
            return ClosingError(Code.FORBIDDEN if self.talk.is_open else Code.INIT_TIMEOUT)
        return None

    async def _answer(self, message: Message) -> None:
        match message:
            case Init(payload):
                await self._open(payload)
            case Ping(payload):
                await self._say(pong(payload))
            case Subscribe(id, operation):
                await self._begin(id, operation)
            case Complete(id) if id in self.operations:
                self.operations.pop(id).cancel()
            case Complete() | Pong():
                pass

    async def _open(self, payload: dict[str, Any]) -> None:
        authorization = payload.get("Authorization") or payload.get("authorization")
        if not isinstance(authorization, str | None):
            raise ClosingError(Code.FORBIDDEN)
        try:
            self.viewer = await self.sockets.authenticator.viewer(authorization)
            await self.seat.enter_async_context(self.sockets.seats.taken(self.viewer, self.scope))
        except BadTokenError:
            raise ClosingError(Code.FORBIDDEN) from None
        except NoSeatError:
            raise ClosingError(Code.TRY_LATER) from None
        self.talk.is_open = True
        left = seconds_left(self.viewer)
        self.deadline.reschedule(None if left is None else asyncio.get_running_loop().time() + left)
        await self._say(acknowledged())

    async def _begin(self, id: str, operation: Operation) -> None:
        if len(self.operations) < self.sockets.most_operations:
            self.operations[id] = asyncio.create_task(self._operate(id, operation))
        else:
            await self._say(failed(id, [Fault("LIMIT_REACHED", "Too many operations on one connection.")]))

    async def _operate(self, id: str, operation: Operation) -> None:
        with self.sockets.visits.operation(address_of(self.scope)):
            await self._answer_operation(id, operation)

    async def _answer_operation(self, id: str, operation: Operation) -> None:
        try:
            last = await self._run(id, operation)
        except StreamCutError:
            return  # the socket closes
        except RefusedError as refusal:
            last = failed(id, refusal.errors)
        del self.operations[id]
        await self._say(last)

    async def _run(self, id: str, operation: Operation) -> str:
        """Says all but what it ends with, which is returned. Raises RefusedError and StreamCutError."""
        begin = next_of(id)
        async with aclosing(await self.sockets.live.open(operation, self.viewer)) as stream:
            async for change in stream:
                await self._say(f"{begin}{change.answer}}}")
        return completed(id)

    async def _say(self, text: str) -> None:
        with suppress(OSError):  # the client is gone, which the listener is told as well
            await self.send({"type": "websocket.send", "text": text})

    async def _end_all(self) -> None:
        tasks = list(self.operations.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _turn_away(send: Send, seconds: float) -> None:
    """With an answer over HTTP, in place of the handshake's."""
    headers = [(b"retry-after", str(ceil(seconds)).encode())]
    await send({"type": "websocket.http.response.start", "status": TOO_MANY_REQUESTS, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})
