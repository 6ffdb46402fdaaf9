"""Who says nothing, or takes nothing, is let go in time."""

import asyncio
import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.along import connect

pytestmark = pytest.mark.outage

PROTOCOL = "graphql-transport-ws"
PROMPT = "a boat " * 1_000 + "{{n}}"
START = """mutation ($input: StartBatchInput!) { startBatch(input: $input) { batchId } }"""
WATCH = "subscription ($id: ID!) { batchResults(batchId: $id) { generation { prompt } } }"


@pytest.fixture
def dial(shared_api):
    address = f"{shared_api.address.replace('http', 'ws', 1)}/graphql"

    def dial(**given):
        return connect(address, subprotocols=[PROTOCOL], proxy=None, ping_interval=None, **given)

    return dial


async def until_closed(socket):
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()


async def test_a_connection_that_is_never_initialised_is_closed(dial):
    async with dial() as socket, asyncio.timeout(15):
        await until_closed(socket)

    assert socket.close_code == 4408


async def test_a_client_that_takes_nothing_is_dropped(dial, as_owner):
    batch = {"templates": [{"name": "a", "prompt": PROMPT}], "variables": {"n": list(range(2_000))}}
    batch_id = (await as_owner.ask(START, input=batch))["startBatch"]["batchId"]
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {as_owner.token}"}}
    payload = {"query": WATCH, "variables": {"id": batch_id}}
    async with dial(max_queue=1) as socket, asyncio.timeout(45):
        await socket.send(json.dumps(init))
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        await asyncio.sleep(35)
        await until_closed(socket)

    assert socket.close_code == 1006
