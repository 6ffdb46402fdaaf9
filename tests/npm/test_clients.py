"""The clients that people use, from npm: each gets every last state, goes on after a cut, and is refused."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.cursors import BatchCursor
from tests.along import LEAKS
from tests.npm.node import FOLDER, NODE, install

START = """mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batchId userErrors { message } }
}"""
CANCEL = "mutation ($id: ID!) { cancelBatch(id: $id) { userErrors { message } } }"
FOLLOW = """subscription ($id: ID!, $after: String) {
  batchResults(batchId: $id, after: $after) { cursor generation { id status saved } batch { status } }
}"""
TABLE = """query ($id: ID!) {
  batch(id: $id) { cursor generations(first: 100) { nodes { id status saved } } }
}"""
REFUSALS = {
    "graphql-ws": 4403,
    "graphql-sse": 401,
    "urql over graphql-ws": 4403,
    "urql over server-sent events": 401,
}
CLIENTS = list(REFUSALS)
IMAGES = 6
AtCut = Callable[[], Awaitable[object]]


@pytest.fixture(scope="session")
def node():
    """Runs follow.mjs to its end; returns the lines it prints. at_cut is awaited once it has cut its line."""
    install()

    async def node(at_cut: AtCut | None = None, **asked: Any) -> list[dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            NODE, "follow.mjs", json.dumps(asked), cwd=FOLDER, stdout=PIPE, stderr=PIPE
        )
        lines = []
        try:
            async with asyncio.timeout(30):
                async for text in process.stdout:
                    LEAKS.read_answer(text)
                    lines.append(json.loads(text))
                    if "cut" in lines[-1] and at_cut:
                        await at_cut()
                complaints = await process.stderr.read()
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, complaints.decode()
        return lines

    return node


@pytest.fixture
def follow(node):
    """What a client tells of a batch."""

    async def follow(client: str, caller, batch_id: str, **given: Any) -> list[dict[str, Any]]:
        where = {"address": caller.address, "token": caller.token}
        request = {"query": FOLLOW, "variables": {"id": batch_id, "after": None}}
        return await node(client=client, request=request, **where, **given)

    return follow


async def start(caller, seconds: float) -> str:
    asked = {
        "templates": [{"name": "Boat", "prompt": "a boat"}],
        "variants": IMAGES,
        "parameters": {"width": 64, "height": 64, "seconds": seconds},
    }
    return (await caller.ask(START, input=asked))["startBatch"]["batchId"]


async def assert_as_in_the_table(caller, batch_id: str, lines: list[dict[str, Any]], status: str) -> None:
    batch = (await caller.ask(TABLE, id=batch_id))["batch"]
    updates = [line["update"] for line in lines]
    numbers = [BatchCursor.decode(each["cursor"]).seq for each in updates]
    last = {each["generation"]["id"]: each["generation"] for each in updates if each["generation"]}

    assert numbers == sorted(set(numbers))
    assert last == {node["id"]: node for node in batch["generations"]["nodes"]}
    assert updates[-1]["cursor"] == batch["cursor"]
    assert updates[-1]["batch"]["status"] == status


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_gets_every_last_state_in_order_and_completes(client, follow, shared_service):
    ada = shared_service.caller()
    batch_id = await start(ada, seconds=0)

    *lines, end = await follow(client, ada, batch_id)

    assert end == {"complete": True}
    await assert_as_in_the_table(ada, batch_id, lines, "SUCCEEDED")


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_that_is_cut_off_goes_on_from_its_last_cursor(client, follow, shared_service):
    ada = shared_service.caller()
    batch_id = await start(ada, seconds=600)

    *lines, end = await follow(client, ada, batch_id, cutAfter=3, at_cut=lambda: ada.ask(CANCEL, id=batch_id))

    assert end == {"complete": True}
    (cut,) = [place for place, line in enumerate(lines) if "cut" in line]
    assert lines.pop(cut)["cut"] == cut
    await assert_as_in_the_table(ada, batch_id, lines, "CANCELED")


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_client_with_a_bad_token_is_told_so_in_its_own_way(client, follow, shared_service):
    mallory = shared_service.bearer("nobody.signed.this")

    assert await follow(client, mallory, "any") == [{"refused": REFUSALS[client]}]
