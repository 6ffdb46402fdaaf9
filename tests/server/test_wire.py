"""What the wire itself refuses."""

import asyncio

import pytest

HANDSHAKE = {
    "Host": "studio",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "Sec-WebSocket-Protocol": "graphql-transport-ws",
}


async def status_of(service, headers):
    """What is answered to a handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.settings.port)
    lines = ["GET /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    try:
        async with asyncio.timeout(10):
            return int((await reader.readline()).split()[1])
    finally:
        writer.transport.abort()


async def test_a_fair_handshake_is_taken(shared_api):
    assert await status_of(shared_api, HANDSHAKE) == 101


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Connection",
        *(f"Sec-WebSocket-{each}" for each in ("Version", "Key", "Protocol", "Extensions")),
    ],
)
async def test_a_handshake_that_is_no_ascii_is_refused(name, shared_api):
    assert await status_of(shared_api, HANDSHAKE | {name: "\xff"}) == 400
