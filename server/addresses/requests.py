"""From an HTTP request to the operation it asks for, or a refusal with its status."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.operations.pipeline import Operation
from server.operations.trusted import with_document_id

__all__ = ["LARGEST_BODY", "read_operation"]

LARGEST_BODY = 1_000_000
BAD_REQUEST, NOT_ALLOWED, TOO_LARGE, UNSUPPORTED = 400, 405, 413, 415
KINDS: Mapping[str, type] = {
    "query": str,
    "variables": dict,
    "operationName": str,
    "extensions": dict,
    "documentId": str,
}
NAMES: Mapping[type, str] = {str: "a string", dict: "a JSON object"}


async def read_operation(request: Request) -> Operation:
    """Raises HTTPException."""
    if request.method == "POST":
        return _operation(_json(await _body(request)))
    if request.method != "GET":
        raise HTTPException(NOT_ALLOWED, "GraphQL only supports GET and POST requests.")
    if not request.headers.get("x-requested-with"):
        # A simple request could come from any page (CSRF); a header makes the browser ask first.
        raise HTTPException(BAD_REQUEST, "A GET needs the header X-Requested-With.")
    asked: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if asked.get(name):
            asked[name] = _json(asked[name])
    return _operation(asked)


def _operation(asked: Any) -> Operation:
    if not isinstance(asked, dict):
        raise HTTPException(
            BAD_REQUEST, "The body must be a JSON object: batches of operations are not taken."
        )
    for name, kind in KINDS.items():
        if asked.get(name) is not None and not isinstance(asked[name], kind):
            raise HTTPException(BAD_REQUEST, f"The `{name}` must be {NAMES[kind]}, if provided.")
    query, extensions = asked.get("query"), asked.get("extensions")
    return Operation(
        query=query,
        variables=asked.get("variables"),
        name=asked.get("operationName"),
        extensions=extensions if query else with_document_id(extensions, asked.get("documentId")),
    )


async def _body(request: Request) -> bytes:
    """Its bytes, up to a limit."""
    kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(UNSUPPORTED, "The body must be application/json.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise HTTPException(TOO_LARGE, "The body is too large.")
    return bytes(body)


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise HTTPException(BAD_REQUEST, "Unable to parse request body as JSON") from None
