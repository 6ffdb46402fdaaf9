"""The socket speaks graphql-transport-ws alone, to programs and its own pages, under the token it gets."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.identity.auth import LEEWAY
from server.identity.tokens import issue_token
from tests.along import connect

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
        ([INIT, QUERY, QUERY], 4409),
        ([INIT, QUERY | {"id": None}], 4400),
        ([INIT, QUERY | {"id": ""}], 4400),
        ([INIT, QUERY | {"id": {}}], 4400),
        ([INIT, QUERY | {"id": []}], 4400),
        ([INIT, QUERY | {"payload": {"query": None}}], 4400),
        ([INIT, QUERY | {"payload": {"query": "{ __typename }", "variables": []}}], 4400),
        ([INIT, QUERY | {"payload": {"query": "{ __typename }", "operationName": 5}}], 4400),
        ([INIT, QUERY | {"payload": {"query": "{ __typename }", "extensions": "x"}}], 4400),
        ([INIT, {"type": "complete"}], 4400),
        ([INIT, {"type": "complete", "id": 1}], 4400),
        ([INIT, {"type": "start", "id": "1"}], 4400),
        ([INIT, {"type": []}], 4400),
        ([{"type": "ping", "payload": "x"}], 4400),
        (["null"], 4400),
        (["[]"], 4400),
        (["1e999"], 4400),
        (["x" * 100_000], 1009),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_what_breaks_the_protocol_closes_the_connection(messages, code, dial):
    async with dial() as socket:
        await send(socket, *messages)

        assert await close_code(socket) == code


async def test_a_ping_is_answered_at_any_time_and_with_what_it_brought(dial):
    async with dial() as socket:
        await send(socket, {"type": "ping"}, INIT, {"type": "ping", "payload": {"at": 1}}, {"type": "pong"})

        assert [await next_of(socket) for _ in range(3)] == [
            {"type": "pong"},
            {"type": "connection_ack"},
            {"type": "pong", "payload": {"at": 1}},
        ]


async def test_a_syntax_error_ends_its_operation_and_not_the_connection(dial):
    async with dial() as socket:
        await send(socket, INIT, QUERY | {"payload": {"query": "{"}}, QUERY | {"id": "2"})
        told = [await next_of(socket) for _ in range(4)]

    assert {(each["type"], each.get("id")) for each in told} == {
        ("connection_ack", None),
        ("error", "1"),
        ("next", "2"),
        ("complete", "2"),
    }


async def test_an_id_is_free_again_once_its_operation_has_ended(dial):
    async with dial() as socket:
        await send(socket, INIT, QUERY)
        first = [await next_of(socket) for _ in range(3)]
        await send(socket, QUERY)

        assert [await next_of(socket) for _ in range(2)] == first[1:]


async def test_an_id_is_free_again_once_its_client_has_completed_it(dial, endless, as_owner):
    watch = {"query": f'subscription {{ batchResults(batchId: "{endless}") {{ cursor }} }}'}
    subscribe = {"type": "subscribe", "id": "1", "payload": watch}
    async with dial() as socket:
        await send(socket, init_of(as_owner), subscribe)
        first = [await next_of(socket) for _ in range(2)]
        await send(socket, {"type": "complete", "id": "1"}, subscribe)

        assert await next_of(socket) == first[1]


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
        await send(socket, init_of(as_owner))
        await send(socket, *({"type": "subscribe", "id": str(n), "payload": watch} for n in range(21)))
        async with asyncio.timeout(10):
            while (told := await next_of(socket))["type"] != "error":
                pass

    assert told["id"] == "20"
    assert told["payload"][0]["extensions"] == {"code": "LIMIT_REACHED"}


async def test_only_so_many_connections_are_one_users(dial, as_owner, as_stranger):
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(dial()) for _ in range(11)]
        for socket in sockets:
            await send(socket, init_of(as_owner))
            with suppress(ConnectionClosed):
                await next_of(socket)
        stranger = await stack.enter_async_context(dial())
        await send(stranger, init_of(as_stranger))

        assert (await next_of(stranger))["type"] == "connection_ack"
        assert [socket.close_code for socket in sockets] == [None] * 10 + [1013]

    async with dial() as socket:
        await send(socket, init_of(as_owner))
        assert (await next_of(socket))["type"] == "connection_ack"


async def test_a_connection_and_a_stream_end_when_their_token_does(dial, endless, as_owner, shared_api):
    token = issue_token(shared_api.settings, as_owner.user_id, ttl=2 - LEEWAY)
    watch = {"query": f'subscription {{ batchResults(batchId: "{endless}") {{ cursor }} }}'}
    brief = type(as_owner)(address=as_owner.address, user_id=None, token=token)

    async def code_of_socket():
        async with dial() as socket:
            await send(socket, init_of(brief), {"type": "subscribe", "id": "1", "payload": watch})
            assert [(await next_of(socket))["type"] for _ in range(2)] == ["connection_ack", "next"]
            return await close_code(socket)

    async def text_of_stream():
        async with brief.stream(watch, accept="text/event-stream") as response:
            return "".join([text async for text in response.aiter_text()])

    async with asyncio.timeout(5):
        code, text = await asyncio.gather(code_of_socket(), text_of_stream())

    assert code == 4403
    assert text.count("event: next") == 1
    assert "complete" not in text


def init_of(caller):
    """The connection_init of a caller."""
    return INIT | {"payload": {"Authorization": f"Bearer {caller.token}"}}
