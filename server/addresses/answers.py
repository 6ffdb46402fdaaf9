"""How an answer of GraphQL goes over HTTP: its media type and its status.

https://graphql.github.io/graphql-over-http/draft/ and its audits (npm graphql-http). Clients of before that
draft ask for application/json and take every well-formed answer with 200.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

from server.operations.errors import NothingToRunError, RefusedError

__all__ = ["BAD_REQUEST", "EVENTS", "GRAPHQL", "JSON", "media_type", "retry_after", "status_of"]

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
TOO_MANY_REQUESTS = 429
BAD_REQUEST = 400
OK = 200


@lru_cache(maxsize=256)
def media_type(accept: str) -> str:
    """Events for who asks for a stream, and would not take JSON as well.

    Else the first of the two others that the client names; the older one for who takes anything.
    """
    kinds = [part.split(";", 1)[0].strip().lower() for part in accept.split(",")]
    if EVENTS in kinds and JSON not in kinds:
        return EVENTS
    return next((kind for kind in kinds if kind in {GRAPHQL, JSON}), JSON)


def status_of(refusal: RefusedError, kind: str) -> int:
    """That of a document that could not run, where the client reads it, and of one who asks too often."""
    if retry_after(refusal.formatted) is not None:
        return TOO_MANY_REQUESTS
    return BAD_REQUEST if isinstance(refusal, NothingToRunError) or kind == GRAPHQL else OK


def retry_after(errors: Sequence[Mapping[str, Any]]) -> int | None:
    """Whole seconds, where one of the errors names them."""
    named = [error.get("extensions", {}).get("retryAfter") for error in errors]
    return next((ceil(seconds) for seconds in named if seconds is not None), None)
