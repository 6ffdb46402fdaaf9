"""A service that stops lets every socket and stream go at once, and who comes back misses nothing."""

import asyncio
import json
import time
from contextlib import AsyncExitStack

from tests.along import connect

START = """mutation {
  startBatch(input: {templates: [{name: "a", prompt: "b"}], variants: 2}) { batchId }
}"""
SOCKETS = 200
RESTARTED = 1012


async def test_two_hundred_sockets_and_a_stream_end_within_moments(running, settings_for):
    async with AsyncExitStack() as clients, AsyncExitStack() as stopping:
        settings = settings_for(max_sockets=SOCKETS + 1, sockets_per_minute=2 * SOCKETS)
        service = await stopping.enter_async_context(running(settings, with_worker=False))
        ada = service.caller()
        batch_id = (await ada.ask(START))["startBatch"]["batchId"]
        body = {"query": f'subscription {{ batchResults(batchId: "{batch_id}") {{ cursor }} }}'}
        sockets = [await clients.enter_async_context(opened(ada)) for _ in range(SOCKETS)]
        await asyncio.gather(*[subscribe(socket, ada, body) for socket in sockets])
        stream = await clients.enter_async_context(ada.stream(body, accept="text/event-stream"))

        began = time.monotonic()
        await stopping.aclose()
        ended = time.monotonic() - began
        text = "".join([text async for text in stream.aiter_text()])
        await asyncio.gather(*[socket.wait_closed() for socket in sockets])

    assert ended < 5
    assert {socket.close_code for socket in sockets} == {RESTARTED}
    assert text.count("event: next") == 2
    assert "complete" not in text


def opened(caller):
    address = f"{caller.address.replace('http', 'ws', 1)}/graphql"
    return connect(address, subprotocols=["graphql-transport-ws"], proxy=None, compression=None)


async def subscribe(socket, caller, body):
    """Returns when what stands has been told."""
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {caller.token}"}}
    for message in (init, {"type": "subscribe", "id": "1", "payload": body}):
        await socket.send(json.dumps(message))
    for _ in range(3):
        await socket.recv()
