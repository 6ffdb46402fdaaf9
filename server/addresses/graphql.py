"""The address /graphql over HTTP: one answer, or server-sent events."""

from contextlib import aclosing
from math import ceil

import orjson
from graphql import OperationType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from engine.viewer import Viewer
from resolvers.context import Context
from server.addresses.answers import BAD_REQUEST, EVENTS, media_type, retry_after, status_of
from server.addresses.events import HEADERS, events_of, refusal_events
from server.addresses.requests import read_operation
from server.addresses.seats import NoSeatError, Seats
from server.identity.auth import Authenticator, BadTokenError
from server.live.streams import Live
from server.operations.errors import RefusedError
from server.operations.pipeline import ANY, Operation

__all__ = ["GraphQLEndpoint"]

UNAUTHENTICATED = 401
TOO_MANY_REQUESTS = 429
ONE_ANSWER = ANY - {OperationType.SUBSCRIPTION}
"""A subscription needs a stream: where one answer is all that can be given, it is refused."""
READING = ANY - {OperationType.MUTATION}


class GraphQLEndpoint:
    """GraphQL over HTTP, as an ASGI application."""

    def __init__(self, live: Live, authenticator: Authenticator, seats: Seats) -> None:
        self.live = live
        self.authenticator = authenticator
        self.seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        kind = media_type(request.headers.get("accept", ""))
        if kind == EVENTS:
            await self._stream(request, send)
        else:
            response = await self._answer(request, kind)
            await response(scope, receive, send)

    async def _answer(self, request: Request, kind: str) -> Response:
        """Raises HTTPException."""
        viewer = await self._viewer(request)
        operation = await read_operation(request)
        context, pipeline = Context(viewer, self.live.services), self.live.pipeline
        try:
            asked = pipeline.prepare(operation, context, ONE_ANSWER & _allowed(request))
            body = await pipeline.answer(asked, context)
        except RefusedError as refusal:
            return _refused(refusal, kind)
        return Response(body, headers={"content-type": f"{kind}; charset=utf-8"})

    async def _stream(self, request: Request, send: Send) -> None:
        """Answers by server-sent events."""
        try:
            await self.seats.knock(request.scope)
            viewer = await self._viewer(request)
            operation = await read_operation(request)
            async with self.seats.taken(viewer, request.scope):
                await self._send_events(request, send, operation, viewer)
        except NoSeatError as error:
            again = {"retry-after": str(ceil(error.seconds))}
            raise HTTPException(TOO_MANY_REQUESTS, "Too many streams.", again) from None

    async def _send_events(self, request: Request, send: Send, operation: Operation, viewer: Viewer) -> None:
        parts = (request.scope, request.receive, send)
        try:
            stream = await self.live.open(
                operation,
                viewer,
                allowed=_allowed(request),
                last_event_id=request.headers.get("last-event-id"),
            )
        except RefusedError as refusal:
            await Response(refusal_events(refusal), headers=HEADERS)(*parts)
            return
        async with aclosing(stream):
            await StreamingResponse(events_of(stream, viewer), headers=HEADERS)(*parts)

    async def _viewer(self, request: Request) -> Viewer:
        try:
            return await self.authenticator.viewer(request.headers.get("authorization"))
        except BadTokenError as error:
            raise HTTPException(UNAUTHENTICATED, _refusal(error)) from None


def _allowed(request: Request) -> frozenset[OperationType]:
    return ANY if request.method == "POST" else READING


def _refused(refusal: RefusedError, kind: str) -> Response:
    errors = refusal.formatted
    status, headers = status_of(refusal, kind), {"content-type": f"{kind}; charset=utf-8"}
    if (seconds := retry_after(errors)) is not None:
        headers["retry-after"] = str(seconds)
    # The draft has no data where the document could not run.
    answer = {"errors": errors} if status == BAD_REQUEST else {"data": None, "errors": errors}
    return Response(orjson.dumps(answer), status, headers)


def _refusal(error: BadTokenError) -> str:
    """As GraphQL clients expect it, though it is an HTTP status that says it."""
    problem = {"message": str(error), "extensions": {"code": "UNAUTHENTICATED"}}
    return orjson.dumps({"errors": [problem]}).decode()
