"""Server-sent events name their cursor, go on from it, and are counted with the sockets of their user."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

RESULTS = "subscription ($id: ID!) { batchResults(batchId: $id) { cursor generation { position } } }"
START = """mutation {
  startBatch(input: {templates: [{name: "a", prompt: "b"}], variants: 5}) { batchId batch { cursor } }
}"""


@pytest.fixture
async def batch_id(as_owner):
    """A batch that never ends, for there is no worker."""
    return (await as_owner.ask(START))["startBatch"]["batchId"]


def stream(caller, batch_id, **headers):
    body = {"query": RESULTS, "variables": {"id": batch_id}}
    return caller.stream(body, accept="text/event-stream", **headers)


async def events(response, count):
    """The first so many events, each with its id and its update."""
    told, fields = [], {}
    async with asyncio.timeout(10):
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line:
                told.append((fields["id"], json.loads(fields["data"])["data"]["batchResults"]))
                fields = {}
                if len(told) == count:
                    return told
    raise AssertionError("the stream has ended")


async def test_the_id_of_an_event_is_its_cursor(as_owner, batch_id):
    async with stream(as_owner, batch_id) as response:
        told = await events(response, 5)

    assert [id for id, _ in told] == [update["cursor"] for _, update in told]


async def test_who_comes_back_with_the_last_id_goes_on_after_it(as_owner, batch_id):
    async with stream(as_owner, batch_id) as response:
        told = await events(response, 5)

    async with stream(as_owner, batch_id, **{"last-event-id": told[1][0]}) as response:
        assert await events(response, 3) == told[2:]


async def test_an_id_of_another_batch_is_refused(as_owner, batch_id):
    other = (await as_owner.ask(START))["startBatch"]["batch"]["cursor"]

    async with stream(as_owner, batch_id, **{"last-event-id": other}) as response:
        text = "".join([text async for text in response.aiter_text()])

    assert "another batch" in text
    assert text.endswith("event: complete\ndata: \n\n")


async def test_only_so_many_streams_are_one_users(as_owner, batch_id):
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(stream(as_owner, batch_id)) for _ in range(11)]

        assert sorted(response.status_code for response in opened) == [200] * 10 + [429]


async def test_a_bad_token_is_an_answer_and_no_stream(as_owner, batch_id):
    async with stream(as_owner, batch_id, authorization="Bearer x") as response:
        assert response.status_code == 401
