"""The address /graphql over HTTP: one answer, or server-sent events."""

import json
from collections.abc import Mapping
from contextlib import aclosing
from math import ceil
from typing import Any

import orjson
from cross_web import HTTPException, StarletteRequestAdapter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types.graphql import OperationType

from engine.viewer import Viewer
from resolvers.context import Context
from server.addresses.answers import BAD_REQUEST, media_type, retry_after, status_of
from server.addresses.events import HEADERS, events_of, refusal_events, wants_events
from server.addresses.seats import NoSeatError, Seats
from server.identity.auth import Authenticator, BadTokenError
from server.live.streams import Live
from server.operations.pipeline import ANY, Operation, RefusedError
from server.operations.trusted import with_document_id

__all__ = ["GraphQLEndpoint"]

LARGEST_BODY = 1_000_000
UNAUTHENTICATED = 401
TOO_MANY_REQUESTS = 429
READING = ANY - {OperationType.MUTATION}


class GraphQLEndpoint(GraphQL[Context, None]):
    """Strawberry's view with our identity, our limits, our streams and orjson."""

    def __init__(self, live: Live, authenticator: Authenticator, seats: Seats) -> None:
        super().__init__(live.schema, graphql_ide=None, subscription_protocols=())
        self.live = live
        self.authenticator = authenticator
        self.seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limited = _limited(receive)
        if wants_events(Headers(scope=scope).get("accept", "")):
            await self._stream(Request(scope, limited), send)
        else:
            await super().__call__(scope, limited, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(await self._viewer(request), self.live.services)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Carries the media type to where the answer is made."""
        response = await super().get_sub_response(request)
        response.headers["content-type"] = media_type(request.headers.get("accept", ""))
        return response

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        kind = sub_response.headers["content-type"]
        status = status_of(response_data, kind)
        if status == BAD_REQUEST:
            del response_data["data"]  # which the draft has where the document ran alone
        headers = {"content-type": f"{kind}; charset=utf-8"}
        if (seconds := retry_after(response_data.get("errors") or ())) is not None:
            headers["retry-after"] = str(seconds)
        return Response(self.encode_json(response_data), status, headers)

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Never: there is none, and a GET without a query may name its document."""
        return False

    async def parse_http_body(self, request: Any) -> Any:
        if request.method == "GET" and not request.headers.get("x-requested-with"):
            # A simple request could come from any page (CSRF); a header makes the browser ask first.
            raise HTTPException(400, "A GET needs the header X-Requested-With.")
        try:
            data: Any = await super().parse_http_body(request)
        except (AttributeError, TypeError):
            raise HTTPException(400, "The body must be a JSON object.") from None
        if not data.query:
            data.extensions = with_document_id(data.extensions, await self._document_id(request))
        return data

    async def _document_id(self, request: Any) -> str | None:
        """Which Strawberry does not keep; a body without a document is short to read again."""
        get = request.method == "GET"
        asked: Any = request.query_params if get else self.decode_json(await request.get_body())
        id = asked.get("documentId")
        if not isinstance(id, str | None):
            raise HTTPException(400, "The `documentId` must be a string, if provided.")
        return id

    def decode_json(self, data: str | bytes) -> object:
        try:
            return orjson.loads(data)
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("not JSON", "", 0) from None

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)

    async def _stream(self, request: Request, send: Send) -> None:
        """Answers by server-sent events; what keeps them from beginning is told as Strawberry does."""
        try:
            await self.seats.knock(request.scope)
            viewer = await self._viewer(request)
            operation = await self._operation(request)
            async with self.seats.taken(viewer, request.scope):
                await self._send_events(request, send, operation, viewer)
        except NoSeatError as error:
            refusal = HTTPException(TOO_MANY_REQUESTS, "Too many streams.")
            await _plain(request, send, refusal, {"retry-after": str(ceil(error.seconds))})
        except HTTPException as refusal:
            await _plain(request, send, refusal)

    async def _send_events(self, request: Request, send: Send, operation: Operation, viewer: Viewer) -> None:
        parts = (request.scope, request.receive, send)
        try:
            stream = await self.live.open(
                operation,
                viewer,
                allowed=ANY if request.method == "POST" else READING,
                last_event_id=request.headers.get("last-event-id"),
            )
        except RefusedError as refusal:
            await Response(refusal_events(refusal), headers=HEADERS)(*parts)
            return
        async with aclosing(stream):
            await StreamingResponse(events_of(stream, viewer), headers=HEADERS)(*parts)

    async def _viewer(self, request: Request | WebSocket) -> Viewer:
        try:
            return await self.authenticator.viewer(request.headers.get("authorization"))
        except BadTokenError as error:
            raise HTTPException(UNAUTHENTICATED, _refusal(error)) from None

    async def _operation(self, request: Request) -> Operation:
        if request.method not in {"GET", "POST"}:
            raise HTTPException(405, "GraphQL only supports GET and POST requests.")
        try:
            data = await self.parse_http_body(StarletteRequestAdapter(request))
        except json.JSONDecodeError:
            raise HTTPException(400, "Unable to parse request body as JSON") from None
        return Operation(
            query=data.query or "",
            variables=data.variables,
            name=data.operation_name,
            extensions=data.extensions,
        )


async def _plain(
    request: Request, send: Send, refusal: HTTPException, headers: Mapping[str, str] | None = None
) -> None:
    response = PlainTextResponse(refusal.reason, refusal.status_code, headers)
    await response(request.scope, request.receive, send)


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
