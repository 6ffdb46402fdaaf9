"""Around every request: counts it, logs it, and lets no failure out but as a code and an id."""

from contextlib import suppress
from functools import cache
from typing import Any
from uuid import uuid4

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.addresses.seats import address_of
from server.watching.visits import Visit, Visits

__all__ = ["Watching"]

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for by machines every few seconds: counted, and in the log at debug level alone."""
GONE = 499
"""As nginx counts a client that left before its answer."""
INTERNAL_ERROR = 1011

logger = structlog.get_logger()


class Watching:
    """The middleware around everything."""

    def __init__(self, app: ASGIApp, visits: Visits) -> None:
        self.app = app
        self.visits = visits
        self._in_flight = visits.metrics.in_flight.labels("http")
        self._requests = cache(visits.metrics.requests.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve = {"http": self._http, "websocket": self._socket}.get(scope["type"], self.app)
        await serve(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(send)
        with self._in_flight.track_inprogress(), self.visits.visit("http", address_of(scope)) as visit:
            try:
                await self.app(scope, receive, answer.send)
            except ClientDisconnect:
                answer.status = GONE
            except Exception:
                await self._fail(scope, receive, answer, visit)
            finally:
                route = _route(scope)
                self._requests(route, str(answer.status)).inc()
                if route not in QUIET:
                    self.visits.tell(visit, route=route, method=scope["method"], status=answer.status)

    async def _fail(self, scope: Scope, receive: Receive, answer: "Answer", visit: Visit) -> None:
        visit.code = "INTERNAL"
        error_id = _logged(_route(scope))
        if not answer.began:
            fault = {"message": "The service failed.", "extensions": {"code": "INTERNAL", "id": error_id}}
            await JSONResponse({"errors": [fault]}, 500)(scope, receive, answer.send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.visits.metrics.in_flight.labels("socket").track_inprogress():
            try:
                await self.app(scope, receive, send)
            except Exception:
                _logged(_route(scope))
                with suppress(OSError, RuntimeError):  # closed already
                    await send({"type": "websocket.close", "code": INTERNAL_ERROR})


class Answer:
    """How far the answer to a request has come. An answer that never came counts as the client's leaving."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = GONE
        self.began = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.began = message["status"], True
        await self._send(message)


def _logged(route: str) -> str:
    """The id under which the log has what is being handled."""
    error_id = str(uuid4())
    logger.exception("request_failed", error_id=error_id, route=route)
    return error_id


def _route(scope: Scope) -> str:
    """The route's own path: what is in a request's may be an address that is signed."""
    route: Any = scope.get("route")
    return getattr(route, "path", "none")
