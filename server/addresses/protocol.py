"""graphql-transport-ws: what a client may say and when, and with which code a socket closes otherwise.

Pure: it reads and writes texts, and never waits. The protocol is enisdenjo/graphql-ws, PROTOCOL.md.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import orjson
from graphql import GraphQLError

from server.operations.pipeline import Operation
from server.operations.trusted import with_document_id

__all__ = [
    "SUBPROTOCOL",
    "ClosingError",
    "Code",
    "Complete",
    "Conversation",
    "Init",
    "Message",
    "Ping",
    "Pong",
    "Subscribe",
    "acknowledged",
    "completed",
    "failed",
    "next_of",
    "pong",
]

SUBPROTOCOL = "graphql-transport-ws"


class Code(IntEnum):
    """Why a socket closes: RFC 6455 and the protocol's own."""

    TRY_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    BAD_SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE = 4409
    TOO_MANY_INITS = 4429


REASONS = {
    Code.TRY_LATER: "Too many connections of one user",
    Code.BAD_REQUEST: "Invalid message",
    Code.UNAUTHORIZED: "Unauthorized",
    Code.FORBIDDEN: "Forbidden",
    Code.BAD_SUBPROTOCOL: "Subprotocol not acceptable",
    Code.INIT_TIMEOUT: "Connection initialisation timeout",
    Code.DUPLICATE: "Subscriber already exists",
    Code.TOO_MANY_INITS: "Too many initialisation requests",
}


class ClosingError(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code
        self.reason = REASONS[code]


@dataclass(frozen=True, slots=True)
class Init:
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Subscribe:
    id: str
    operation: Operation


@dataclass(frozen=True, slots=True)
class Complete:
    id: str


Message: TypeAlias = Init | Ping | Pong | Subscribe | Complete


REFUSED: dict[tuple[bool, type[Message]], Code] = {
    (False, Subscribe): Code.UNAUTHORIZED,
    (True, Init): Code.TOO_MANY_INITS,
}
"""What may not be said before the acknowledgement (False) or after it; all else may."""


class Conversation:
    """Where a socket stands: whether it was acknowledged, and which ids are in use."""

    def __init__(self, ids: Container[str]) -> None:
        self.ids = ids
        self.is_open = False

    def hear(self, text: str | None) -> Message:
        """The message, if it may come now; None stands for a binary one. Raises ClosingError."""
        message = _read(text)
        refused = REFUSED.get((self.is_open, type(message)))
        if refused:
            raise ClosingError(refused)
        if isinstance(message, Subscribe) and message.id in self.ids:
            raise ClosingError(Code.DUPLICATE)
        return message


def acknowledged() -> str:
    return '{"type":"connection_ack"}'


def pong(payload: dict[str, Any] | None) -> str:
    return _text({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})


def next_of(id: str) -> str:
    """What a next message begins with; the payload and a closing brace follow."""
    return f'{{"id":{_text(id)},"type":"next","payload":'


def failed(id: str, errors: list[GraphQLError]) -> str:
    return _text({"id": id, "type": "error", "payload": [error.formatted for error in errors]})


def completed(id: str) -> str:
    return _text({"id": id, "type": "complete"})


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _read(text: str | None) -> Message:
    try:
        given = orjson.loads(text)  # type: ignore[arg-type]
        return READERS[given["type"]](given)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ClosingError(Code.BAD_REQUEST) from None


def _subscribe(given: dict[str, Any]) -> Subscribe:
    asked = _typed(given["payload"], dict)
    extensions = _optional(asked.get("extensions"), dict)
    extensions = with_document_id(extensions, _optional(asked.get("documentId"), str))
    operation = Operation(
        query=_typed(asked.get("query", "" if extensions else None), str),
        variables=_optional(asked.get("variables"), dict),
        name=_optional(asked.get("operationName"), str),
        extensions=extensions,
    )
    return Subscribe(_id(given), operation)


def _id(given: dict[str, Any]) -> str:
    id: str = _typed(given["id"], str)
    if not id:
        raise ValueError
    return id


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _optional(value: Any, kind: type) -> Any:
    return None if value is None else _typed(value, kind)


READERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "connection_init": lambda given: Init(_optional(given.get("payload"), dict) or {}),
    "ping": lambda given: Ping(_optional(given.get("payload"), dict)),
    "pong": lambda _: Pong(),
    "subscribe": _subscribe,
    "complete": lambda given: Complete(_id(given)),
}
