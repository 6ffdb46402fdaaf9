"""The address /graphql: GraphQL over HTTP, server-sent events, and graphql-transport-ws."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.streaming import SSETransport
from strawberry.schema.base import BaseSchema
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from engine.viewer import ANONYMOUS
from resolvers.context import Context, Services
from server.auth import Authenticator, BadTokenError

__all__ = ["GraphQLEndpoint"]

LARGEST_BODY = 1_000_000
INIT_TIMEOUT = timedelta(seconds=10)
OPERATIONS_A_SOCKET = 20
UNAUTHENTICATED = 401


class SocketContext(Context):
    """A socket's context: who asks is known once connection_init has come."""

    connection_params: dict[str, Any] | None = None


class LineFeedSSE(SSETransport):
    """Frames that end with LF, as urql reads them, and only for who asked for a stream."""

    def accepts(self, accept: str) -> bool:
        kinds = {part.split(";", 1)[0].strip().lower() for part in accept.split(",")}
        return "text/event-stream" in kinds and "application/json" not in kinds

    def encode_event(self, event: str, data: str | None = None) -> str:
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        return super().encode_comment(comment).replace("\r\n", "\n")


class GraphQLEndpoint(GraphQL[Context, None]):
    """Strawberry's view with our identity, our limits and orjson."""

    stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: LineFeedSSE}  # noqa: RUF012

    def __init__(
        self,
        schema: BaseSchema,
        *,
        services: Services,
        authenticator: Authenticator,
        allowed_origins: Sequence[str],
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=OPERATIONS_A_SOCKET,
            allowed_origins=allowed_origins,
        )
        self.services = services
        self.authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limited = _limited(receive) if scope["type"] == "http" else receive
        await super().__call__(scope, limited, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        if isinstance(request, WebSocket):
            return SocketContext(ANONYMOUS, self.services)
        try:
            viewer = await self.authenticator.viewer(request.headers.get("authorization"))
        except BadTokenError as error:
            raise HTTPException(UNAUTHENTICATED, _refusal(error)) from None
        return Context(viewer, self.services)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """The token of connection_init; without one the socket's caller is anonymous."""
        params = getattr(context, "connection_params", None) or {}
        authorization = params.get("Authorization") or params.get("authorization")
        if authorization is not None and not isinstance(authorization, str):
            raise ConnectionRejectionError
        try:
            context.viewer = await self.authenticator.viewer(authorization)
        except BadTokenError:
            raise ConnectionRejectionError from None
        return UnsetType()

    async def parse_http_body(self, request: Any) -> Any:
        if request.method == "GET" and not request.headers.get("x-requested-with"):
            # A simple request could come from any page (CSRF); a header makes the browser ask first.
            raise HTTPException(400, "A GET needs the header X-Requested-With.")
        try:
            return await super().parse_http_body(request)
        except (AttributeError, TypeError):
            raise HTTPException(400, "The body must be a JSON object.") from None

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("not JSON", "", 0) from None

    def encode_json(self, data: object) -> str:
        """Text, since a socket would send bytes as a binary message."""
        return orjson.dumps(data).decode()


def _limited(receive: Receive) -> Receive:
    """The body's messages, up to a limit."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > LARGEST_BODY:
            raise HTTPException(413, "The body is too large.")
        return message

    return limited


def _refusal(error: BadTokenError) -> str:
    """As GraphQL clients expect it, though it is an HTTP status that says it."""
    problem = {"message": str(error), "extensions": {"code": "UNAUTHENTICATED"}}
    return orjson.dumps({"errors": [problem]}).decode()
