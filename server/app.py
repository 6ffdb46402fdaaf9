"""The application: one composed value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from server.addresses.downloads import Downloads
from server.addresses.exposition import Exposition
from server.addresses.files import Files
from server.addresses.graphql import GraphQLEndpoint
from server.addresses.local import LocalToken
from server.addresses.readiness import Readiness
from server.addresses.seats import Seats
from server.addresses.sockets import Sockets
from server.addresses.uploads import UploadEndpoint
from server.addresses.web import Web
from server.identity.auth import Authenticator
from server.identity.jwks import KeysUnavailableError
from server.live.streams import Live
from server.watching.requests import Watching
from server.watching.visits import Visits

if TYPE_CHECKING:
    from server.addresses.webhooks import Webhooks

__all__ = ["Parts", "create_app"]

TRY_LATER = 1013


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of; local is None outside local mode, webhooks where none are sent.

    max_operations is for one socket; middleware, the outermost first, lies between what is counted and the
    network.
    """

    live: Live
    authenticator: Authenticator
    files: Files
    uploads: UploadEndpoint
    downloads: Downloads
    web: Web
    local: LocalToken | None
    webhooks: "Webhooks | None"
    allowed_origins: tuple[str, ...]
    max_operations: int
    seats: Seats
    visits: Visits
    readiness: Readiness
    exposition: Exposition
    middleware: tuple[Middleware, ...]


def create_app(parts: Parts) -> Starlette:
    """The ASGI application. Whatever the parts are made of is closed by who made them.

    app.state.live is what to cut when the service stops, app.state.exposition what has a port of its own.
    """
    handlers: dict[Any, Any] = {KeysUnavailableError: _keys_unavailable}
    app = Starlette(
        routes=list(_routes(parts)),
        middleware=[*parts.middleware, Middleware(Watching, visits=parts.visits)],
        exception_handlers=handlers,
    )
    app.state.live = parts.live
    app.state.exposition = parts.exposition
    return app


def _routes(parts: Parts) -> Iterator[BaseRoute]:
    sockets = Sockets(
        parts.live,
        parts.authenticator,
        seats=parts.seats,
        most_operations=parts.max_operations,
        allowed_origins=parts.allowed_origins,
        visits=parts.visits,
    )
    yield Route("/graphql", GraphQLEndpoint(parts.live, parts.authenticator, parts.seats))
    yield WebSocketRoute("/graphql", sockets)
    yield Route("/files/{owner:uuid}/batches/{batch:uuid}.zip", parts.downloads.get)
    yield Route("/files/{key:path}", parts.files.get)
    yield Route("/files/{key:path}", parts.uploads.put, methods=["PUT"])
    yield Route("/healthz", _healthy)
    yield Route("/readyz", parts.readiness.get)
    yield Route("/metrics", parts.exposition.get_here)
    yield from parts.web.routes()
    if parts.local:
        yield Route("/local/token", parts.local.post, methods=["POST"])
    if parts.webhooks:
        yield Route("/webhooks/replicate/{call}", parts.webhooks.post, methods=["POST"])


async def _keys_unavailable(connection: HTTPConnection, _: Exception) -> Response | None:
    """The caller may be somebody: neither let in nor told that the token is bad."""
    if isinstance(connection, WebSocket):
        await connection.close(TRY_LATER)
        return None
    problem = {
        "message": "The keys of tokens cannot be had at the moment. Try again in a few seconds.",
        "extensions": {"code": "UNAVAILABLE"},
    }
    return JSONResponse({"errors": [problem]}, 503, headers={"retry-after": "10"})


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("alive\n")
