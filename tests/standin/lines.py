"""Answers that go wrong below HTTP: lines that are dropped, at once or in the middle."""

from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Half", "Lines", "drop"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Lines:
    """Around the whole application: gives it hold of the line, and its own clock's Date."""

    def __init__(self, app: Any, now: Callable[[], float]) -> None:
        self.app = app
        self.now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["line"] = send.__self__.transport  # type: ignore[attr-defined]  # uvicorn's own cycle

        async def dated(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self.now(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", []), (b"date", date)]
            await send(message)

        await self.app(scope, receive, dated)


async def drop(request: Request) -> Response:
    """Cuts the line; the answer is for nobody."""
    await request.body()
    request.scope["line"].abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


class Half(Response):
    """Says how long the whole is, gives half of it and drops the line."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope["line"].close()
        while (await receive())["type"] != "http.disconnect":
            pass
