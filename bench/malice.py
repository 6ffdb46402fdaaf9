"""What nobody well-behaved sends: bytes for a socket of HTTP, for a WebSocket, and bodies for /graphql."""

import base64
import gzip
import json
import random
import struct
from collections.abc import Callable

__all__ = ["BODIES", "HEADERS", "socket_case"]

KEY = base64.b64encode(b"0123456789abcdef").decode()
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FAIR = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "graphql-transport-ws",
}
TYPES = [
    "connection_init",
    "subscribe",
    "complete",
    "ping",
    "pong",
    "next",
    "error",
    "connection_ack",
    "",
    "x",
]
ODDITIES = [None, 5, -1, 1e300, "", "x" * 10_000, [], {}, [[]], {"a": None}, True, "\0", "\ud7ff", 10**30]
QUERY = '{"query": "{ __typename }"}'


def socket_case(dice: random.Random) -> bytes:
    """All that a client sends: a handshake, fair or not, and what follows; perhaps cut in the middle."""
    shaken = dice.random() < 0.8
    sent = handshake(FAIR) if shaken else dice.choice(HANDSHAKES)(dice)
    sent += b"".join(dice.choice(FOLLOWING)(dice) for _ in range(dice.randint(1, 5)))
    return sent[: dice.randrange(1, len(sent))] if dice.random() < 0.3 else sent


def handshake(headers: dict[str, str], line: str = "GET /graphql HTTP/1.1") -> bytes:
    lines = [line, "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(payload: bytes, opcode: int = TEXT, *, first: int = 0x80, masked: bool = True) -> bytes:
    """One frame of RFC 6455; first are the bits before the opcode: FIN is 0x80, the others are reserved."""
    size, bit = len(payload), 0x80 if masked else 0
    if size < 126:
        head = bytes([first | opcode, bit | size])
    elif size < 65_536:
        head = bytes([first | opcode, bit | 126]) + struct.pack("!H", size)
    else:
        head = bytes([first | opcode, bit | 127]) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


def _without(dice: random.Random) -> bytes:
    absent = dice.choice(list(FAIR))
    return handshake({name: value for name, value in FAIR.items() if name != absent})


def _changed(dice: random.Random) -> bytes:
    value = dice.choice(["", "x", "\xff", "0", "websocket, h2c", "x" * 5_000, "permessage-deflate; a=b"])
    return handshake(FAIR | {dice.choice([*FAIR, "Sec-WebSocket-Extensions", "Origin"]): value})


def _other_line(dice: random.Random) -> bytes:
    lines = [
        "POST /graphql HTTP/1.1",
        "GET /graphql HTTP/1.0",
        "GET /nowhere HTTP/1.1",
        "GET / HTTP/9.9",
        "\0",
    ]
    return handshake(FAIR, dice.choice([*lines, "GET /" + "x" * 70_000 + " HTTP/1.1"]))


def _message(dice: random.Random) -> bytes:
    """A message of the protocol, at the wrong time or with something odd in it."""
    message = {"type": dice.choice([*TYPES, *ODDITIES]), "id": dice.choice(["1", "2", *ODDITIES])}
    payload = {"query": dice.choice(["{ __typename }", "subscription { x }", "{", *ODDITIES])}
    payload["variables"] = dice.choice([{}, *ODDITIES])
    message["payload"] = dice.choice([payload, *ODDITIES])
    return frame(json.dumps(message).encode())


def _fair_message(dice: random.Random) -> bytes:
    fair = [
        {"type": "connection_init", "payload": {}},
        {"type": "subscribe", "id": "a", "payload": {"query": "{ __typename }"}},
        {"type": "ping"},
        {"type": "complete", "id": "a"},
    ]
    return frame(json.dumps(dice.choice(fair)).encode())


def _bad_frame(dice: random.Random) -> bytes:
    opcode = dice.randrange(16)
    return frame(
        dice.randbytes(dice.choice([0, 1, 125, 126, 70_000])),
        opcode,
        first=dice.choice([0x80, 0x00, 0xC0, 0xF0]),
        masked=dice.random() < 0.7,
    )


def _fragmented(dice: random.Random) -> bytes:
    parts = [frame(b"{", TEXT, first=0)] + [frame(b"x", 0, first=0)] * dice.randint(1, 200)
    return b"".join([*parts, frame(b"}", dice.choice([0, 0, TEXT]))])


def _oversized(dice: random.Random) -> bytes:
    claimed = struct.pack("!Q", dice.choice([2**16, 2**31, 2**63 - 1, 2**64 - 1]))
    return b"\x81\xff" + claimed + b"\0\0\0\0" + b"x" * 1_000


HANDSHAKES: list[Callable[[random.Random], bytes]] = [
    _without,
    _changed,
    _other_line,
    lambda dice: dice.randbytes(200),
    lambda _: b"",
]
FOLLOWING: list[Callable[[random.Random], bytes]] = [
    _message,
    _message,
    _fair_message,
    _fair_message,
    _bad_frame,
    _fragmented,
    _oversized,
    lambda dice: frame(b"\xff\xfe\xc0\xaf" * dice.randint(1, 50)),
    lambda dice: frame(struct.pack("!H", dice.choice([0, 999, 1000, 1005, 2999, 65535])) + b"\xff", CLOSE),
    lambda dice: frame(dice.randbytes(dice.choice([0, 125, 126])), dice.choice([PING, PONG])),
    lambda _: frame(b"[" * 60_000),
    lambda dice: dice.randbytes(100),
]

HEADERS: list[dict[str, str]] = [
    {"content-type": "application/json"},
    {"content-type": "application/json", "accept": "application/graphql-response+json"},
    {"content-type": "application/json", "accept": "text/event-stream"},
]
BODIES: list[bytes] = [
    b"",
    b"null",
    b"5",
    b"-0.0e999",
    b'"text"',
    b"true",
    b"[]",
    b"{}",
    b"[[[[]]]]",
    f"[{QUERY}, {QUERY}]".encode(),
    b"[" * 500_000,
    b'{"a":' * 100_000,
    b"\xff\xfe\xfd",
    b'{"query": "\xff"}',
    b'{"query": "\\ud800"}',
    b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 500_000 + b"}}",
    gzip.compress(QUERY.encode()),
    QUERY.encode("utf-16"),
    b'{"query": "' + b"x" * 2_000_000 + b'"}',
    b'{"query": "' + b"{a" * 100_000 + b'"}',
    *(json.dumps({"query": odd}).encode() for odd in ODDITIES),
    *(json.dumps({"query": "{ __typename }", "variables": odd}).encode() for odd in ODDITIES),
    *(json.dumps({"query": "{ __typename }", "operationName": odd}).encode() for odd in ODDITIES),
    *(json.dumps({"query": "{ __typename }", "extensions": odd}).encode() for odd in ODDITIES),
]
