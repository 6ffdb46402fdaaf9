"""The socket speaks graphql-transport-ws alone, to programs and its own pages, under the token it gets."""

import asyncio
import json
from contextlib import suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PROTOCOL = "graphql-transport-ws"
INIT = {"type": "connection_init"}
QUERY = {"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }"}}


@pytest.fixture
def dial(shared_api):
    """A raw connection to the service's socket."""
    address = f"{shared_api.address.replace('http', 'ws', 1)}/graphql"

    def dial(protocol=PROTOCOL, **given):
        return connect(address, subprotocols=[protocol], proxy=None, open_timeout=10, **given)

    return dial


async def send(socket, *messages):
    for message in messages:
        await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def next_of(socket):
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def close_code(socket):
    """The code with which the service closes, whatever it says before."""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


async def test_an_operation_is_answered_under_the_token_of_the_connection(dial, as_owner):
    async with dial() as socket:
        await send(socket, INIT | {"payload": {"Authorization": f"Bearer {as_owner.token}"}}, QUERY)
        told = [await next_of(socket) for _ in range(3)]

    assert [each["type"] for each in told] == ["connection_ack", "next", "complete"]
    assert told[1]["payload"]["data"]["viewer"]["id"] == str(as_owner.user_id)


async def test_a_connection_without_a_token_is_anonymous(dial):
    async with dial() as socket:
        await send(socket, INIT, QUERY)
        _, answer = await next_of(socket), await next_of(socket)

    assert answer["payload"]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic x", 5, ["Bearer x"]])
async def test_a_bad_token_closes_the_connection(authorization, dial):
    async with dial() as socket:
        await send(socket, INIT | {"payload": {"Authorization": authorization}})

        assert await close_code(socket) == 4403


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([QUERY], 4401),
        ([INIT, INIT], 4429),
        ([INIT, QUERY | {"payload": {"query": "subscription { x }"}}, "x"], 4400),
        (["x"], 4400),
        (["{}"], 4400),
        ([b"\0"], 4400),
        (["[" * 5_000], 4400),
        ([INIT | {"payload": []}], 4400),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400),
        (["x" * 100_000], 1009),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_what_breaks_the_protocol_closes_the_connection(messages, code, dial):
    async with dial() as socket:
        await send(socket, *messages)

        assert await close_code(socket) == code


async def test_a_ping_is_answered(dial):
    async with dial() as socket:
        await send(socket, INIT, {"type": "ping"})

        assert [(await next_of(socket))["type"] for _ in range(2)] == ["connection_ack", "pong"]


async def test_a_mutation_without_a_token_changes_nothing_here_too(dial):
    mutation = 'mutation { generateImage(input: {prompt: "a"}) { generation { id } } }'
    async with dial() as socket:
        await send(socket, INIT, QUERY | {"payload": {"query": mutation}})
        _, answer = await next_of(socket), await next_of(socket)

    assert answer["type"] == "error"
    assert answer["payload"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("protocol", ["graphql-ws", "graphql-sse", "chat"])
async def test_another_protocol_is_not_spoken(protocol, dial):
    async with dial(protocol) as socket:
        assert await close_code(socket) == 4406


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_from_elsewhere_gets_no_connection(origin, dial):
    with pytest.raises(InvalidStatus) as caught:
        async with dial(origin=origin):
            pass

    assert caught.value.response.status_code == 403


async def test_the_services_own_page_gets_a_connection(dial, shared_api):
    async with dial(origin=shared_api.address) as socket:
        await send(socket, INIT)

        assert (await next_of(socket))["type"] == "connection_ack"


async def test_a_page_that_the_settings_name_gets_a_connection(running, settings_for):
    settings = settings_for(allowed_origins=("https://studio.example",))
    async with running(settings, with_worker=False) as service:
        address = f"{service.address.replace('http', 'ws', 1)}/graphql"
        async with connect(address, subprotocols=[PROTOCOL], origin="https://studio.example") as socket:
            assert socket.subprotocol == PROTOCOL


@pytest.fixture
async def endless(as_owner):
    """The id of a batch that never ends, for there is no worker."""
    start = 'mutation { startBatch(input: {templates: [{name: "a", prompt: "b"}]}) { batchId } }'
    return (await as_owner.ask(start))["startBatch"]["batchId"]


async def test_only_so_many_operations_share_a_connection(dial, endless, as_owner):
    watch = {"query": f'subscription {{ batchResults(batchId: "{endless}") {{ cursor }} }}'}
    async with dial() as socket:
        await send(socket, INIT | {"payload": {"Authorization": f"Bearer {as_owner.token}"}})
        await send(socket, *({"type": "subscribe", "id": str(n), "payload": watch} for n in range(21)))
        async with asyncio.timeout(10):
            while (told := await next_of(socket))["type"] != "error":
                pass

    assert told["id"] == "20"
