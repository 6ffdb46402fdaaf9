"""The reader that watches the whole suite for secrets finds one where there is one."""

import logging

import pytest
import structlog
from websockets.asyncio.server import serve

from tests.along import Overheard, connect
from tests.leaks import MARK, PROMPT, Leaks


@pytest.fixture
def reader(leaks):
    """Another one; what the suite's own reads meanwhile is of this test's making."""
    before = list(leaks.found)
    reader = Leaks()
    reader.keep_secrets("hunter2")
    with reader.reading_logs():
        yield reader
    leaks.found[:] = before


@pytest.mark.parametrize(
    "text",
    [
        f"asked for {PROMPT}",
        "postgresql://studio_app:hunter2@db/studio",
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "/files/a/b.png?expires=5&signature=0123456789abcdef0123",
        "token r8_abcdef",
        "whsec_dGhpcyBpcyBzZWNyZXQ=",
    ],
)
def test_a_secret_in_a_log_is_found(text, reader):
    logging.getLogger("somewhere").debug("it says %s", text)

    assert len(reader.found) == 1


def test_a_secret_in_a_traceback_is_found(reader):
    try:
        raise ValueError("hunter2")
    except ValueError:
        structlog.get_logger().exception("failed")

    assert reader.found


async def test_a_secret_that_is_spread_over_a_stream_is_found(reader, leaks):
    async def pieces():
        for piece in (b"data: plan", MARK.removeprefix("plan").encode(), b"\n\n"):
            yield piece

    assert len([piece async for piece in Overheard(pieces())]) == 3

    assert MARK in leaks.found[-1]


async def test_a_secret_on_a_raw_socket_is_found(reader, leaks):
    async with serve(lambda socket: socket.send(MARK), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
            await socket.recv()

    assert MARK in leaks.found[-1]


def test_what_is_no_secret_is_left_alone(reader):
    structlog.get_logger().info("request", operation="Mine", user="0a5c1e00-0000-7000-8000-000000000100")
    reader.read_answer(
        b'{"data": {"imageUrl": "http://studio/files/a.png?expires=5&signature=0123456789abcdef"}}'
    )

    assert reader.found == []
