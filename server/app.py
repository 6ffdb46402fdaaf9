"""The application: one composed value."""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from db.session import DATABASE_AWAY, Database
from server.auth import Authenticator
from server.files import Files
from server.graphql import GraphQLEndpoint
from server.jwks import KeysUnavailableError
from server.live import Live
from server.local import LocalToken
from server.seats import Seats
from server.sockets import Sockets
from server.webhooks import Webhooks

__all__ = ["Parts", "create_app"]

READY_TIMEOUT = 5.0
TRY_LATER = 1013
NO_STUDIO = """\
Batch Studio runs. Its GraphQL API is at /graphql; this build has no web client.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of; local is None outside local mode, webhooks where none are sent.

    max_sockets is for one user, max_operations for one socket.
    """

    live: Live
    authenticator: Authenticator
    files: Files
    local: LocalToken | None
    webhooks: Webhooks | None
    allowed_origins: tuple[str, ...]
    max_sockets: int
    max_operations: int


def create_app(parts: Parts) -> Starlette:
    """The ASGI application. Whatever the parts are made of is closed by who made them.

    app.state.live is what to cut when the service stops.
    """
    seats = Seats(parts.max_sockets)
    sockets = Sockets(
        parts.live,
        parts.authenticator,
        seats=seats,
        most_operations=parts.max_operations,
        allowed_origins=parts.allowed_origins,
    )
    database = parts.live.services.database

    async def ready(_: Request) -> Response:
        return await _readiness(database)

    routes = [
        Route("/graphql", GraphQLEndpoint(parts.live, parts.authenticator, seats)),
        WebSocketRoute("/graphql", sockets),
        Route("/files/{key:path}", parts.files.get),
        Route("/healthz", _healthy),
        Route("/readyz", ready),
        Route("/", _front),
    ]
    if parts.local:
        routes.append(Route("/local/token", parts.local.post, methods=["POST"]))
    if parts.webhooks:
        routes.append(Route("/webhooks/replicate/{call}", parts.webhooks.post, methods=["POST"]))
    handlers: dict[Any, Any] = {KeysUnavailableError: _keys_unavailable}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.live = parts.live
    return app


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


async def _front(_: Request) -> Response:
    return PlainTextResponse(NO_STUDIO)


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("alive\n")


async def _readiness(database: Database) -> Response:
    try:
        async with asyncio.timeout(READY_TIMEOUT), database.worker_session() as session:
            await session.value("alive")
    except (*DATABASE_AWAY, asyncpg.PostgresError):
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ready\n")
