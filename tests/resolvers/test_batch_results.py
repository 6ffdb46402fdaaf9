"""What changes in a batch comes in order, once, and to its end, over sockets and server-sent events alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from gql.transport.exceptions import TransportQueryError

from db.changes import Change, apply_change
from db.hints import open_line_hints
from db.notify import notify_line
from engine.cursors import BatchCursor
from engine.words import GenerationStatus as Status

START = """mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batch { id cursor } userErrors { message } }
}"""
FIELDS = "generation { id position status saved } batch { status counts { total succeeded } cursor }"
DOCUMENT = f"""subscription ($id: ID!, $after: String) {{
  batchResults(batchId: $id, after: $after) {{ cursor {FIELDS} }}
}}"""
LIFE = [
    Change(status=Status.RUNNING, attempts=1),
    Change(status=Status.SAVING),
    Change(status=Status.SUCCEEDED, saved=True),
]


async def start(caller, count=2, **parameters):
    asked = {
        "templates": [{"name": "Boat", "prompt": "a boat"}],
        "variants": count,
        "parameters": {"width": 64, "height": 64} | parameters,
    }
    return (await caller.ask(START, input=asked))["startBatch"]["batch"]


@asynccontextmanager
async def events(caller, batch_id, after=None) -> AsyncIterator[AsyncIterator[tuple[str, object]]]:
    """Server-sent events, each with its name and its data, until the stream ends."""
    body = {"query": DOCUMENT, "variables": {"id": batch_id, "after": after}}
    async with asyncio.timeout(60), caller.stream(body, accept="text/event-stream") as response:
        assert response.headers["content-type"] == "text/event-stream"
        yield _parsed(response.aiter_text())


async def _parsed(texts: AsyncIterator[str]) -> AsyncIterator[tuple[str, object]]:
    rest = ""
    async for text in texts:
        *frames, rest = (rest + text).split("\n\n")
        for frame in frames:
            fields = dict(line.split(": ", 1) for line in frame.split("\n") if not line.startswith(":"))
            if fields:
                yield fields["event"], json.loads(fields["data"] or "null")


def numbers(updates):
    return [BatchCursor.decode(update["cursor"]).seq for update in updates]


def states(updates):
    """The last state of each generation, by its place."""
    return {
        update["generation"]["position"]: update["generation"]["status"]
        for update in updates
        if update["generation"]
    }


@pytest.fixture
async def advance(shared_database, shared_urls):
    """Changes a generation as a worker does, and hints at it."""
    async with open_line_hints(notify_line(shared_urls.login)) as hints:

        async def advance(generation_id: str, change: Change) -> None:
            async with shared_database.worker_session() as session:
                changed = await apply_change(session, UUID(generation_id), change)
            assert changed
            hints.tell(*changed.topics)

        yield advance


async def test_a_finished_batch_is_told_in_order_and_completes(archive, as_owner):
    kept = await archive.batch(3)

    updates = await as_owner.updates(kept.batch, FIELDS)

    assert [update["generation"]["id"] for update in updates] == kept.generations
    assert numbers(updates) == [1, 2, 3]
    assert {update["batch"]["status"] for update in updates} == {"SUCCEEDED"}


async def test_a_finished_batch_has_nothing_after_its_last_cursor(archive, as_owner):
    kept = await archive.batch(3)
    *_, last = await as_owner.updates(kept.batch, FIELDS)

    assert last["cursor"] == last["batch"]["cursor"]
    assert await as_owner.updates(kept.batch, FIELDS, after=last["cursor"]) == []


async def test_what_stands_comes_first_then_each_change_as_it_happens(as_owner, advance):
    batch = await start(as_owner)
    async with as_owner.watching(batch["id"], FIELDS) as updates:
        seen = [await anext(updates), await anext(updates)]
        for place in (0, 1):
            for change in LIFE:
                await advance(seen[place]["generation"]["id"], change)
                seen.append(await anext(updates))
        rest = [update async for update in updates]

    assert rest == []
    assert numbers(seen) == list(range(1, 9))
    told = [(update["generation"]["position"], update["generation"]["status"]) for update in seen]
    assert told[:2] == [(0, "QUEUED"), (1, "QUEUED")]
    assert told[2:] == [(place, each.status.value) for place in (0, 1) for each in LIFE]
    assert seen[-1]["batch"]["status"] == "SUCCEEDED"


async def test_the_batchs_own_cursor_goes_on_from_the_very_state_it_was_read_with(as_owner, advance):
    batch = await start(as_owner)
    (first, *_) = await generations(as_owner, batch["id"])
    async with as_owner.watching(batch["id"], FIELDS, after=batch["cursor"]) as updates:
        await advance(first, LIFE[0])
        update = await anext(updates)

    assert (update["generation"]["id"], update["generation"]["status"]) == (first, "RUNNING")


async def test_who_comes_late_gets_each_generations_newest_state_once(as_owner, advance):
    batch = await start(as_owner)
    for generation in await generations(as_owner, batch["id"]):
        for change in LIFE:
            await advance(generation, change)

    updates = await as_owner.updates(batch["id"], FIELDS)

    assert numbers(updates) == [5, 8]
    assert states(updates) == {0: "SUCCEEDED", 1: "SUCCEEDED"}


async def test_more_changes_than_are_read_at_once_all_come(archive, as_owner):
    kept = await archive.batch(230)

    updates = await as_owner.updates(kept.batch, FIELDS)

    assert numbers(updates) == list(range(1, 231))


async def test_a_cut_stream_goes_on_where_it_was_cut_however_often(shared_service):
    ada = shared_service.caller()
    batch = await start(ada, 6, seconds=0)
    seen, after, done = [], None, False
    while not done:
        async with ada.watching(batch["id"], FIELDS, after=after) as updates:
            got = [update async for update in taken(updates, 3)]
        done = len(got) < 3
        seen += got
        after = seen[-1]["cursor"]

    assert numbers(seen) == sorted(set(numbers(seen)))
    assert states(seen) == dict.fromkeys(range(6), "SUCCEEDED")
    assert seen[-1]["batch"]["status"] == "SUCCEEDED"


async def taken(updates, count):
    for _ in range(count):
        try:
            yield await anext(updates)
        except StopAsyncIteration:
            return


async def test_a_run_is_told_over_server_sent_events_until_complete(shared_service):
    ada = shared_service.caller()
    batch = await start(ada, 3, seconds=0)

    async with events(ada, batch["id"]) as stream:
        told = [event async for event in stream]

    assert [name for name, _ in told] == ["next"] * (len(told) - 1) + ["complete"]
    updates = [data["data"]["batchResults"] for _, data in told[:-1]]
    assert numbers(updates) == sorted(set(numbers(updates)))
    assert states(updates) == dict.fromkeys(range(3), "SUCCEEDED")


async def test_server_sent_events_go_on_from_a_cursor_and_live(as_owner, advance):
    batch = await start(as_owner)
    first, _ = await generations(as_owner, batch["id"])
    async with events(as_owner, batch["id"], after=batch["cursor"]) as stream:
        await advance(first, LIFE[0])
        name, data = await anext(stream)

    assert name == "next"
    assert data["data"]["batchResults"]["generation"]["status"] == "RUNNING"


@pytest.fixture
def refusal(as_owner):
    """The error with which a stream of one's own or of another's batch is refused, the same both ways."""

    async def refusal(batch_id, after=None, caller=as_owner):
        with pytest.raises(TransportQueryError) as caught:
            await caller.updates(batch_id, FIELDS, after=after)
        (by_socket,) = caught.value.errors
        async with events(caller, batch_id, after) as stream:
            (_, data), (end, _) = [event async for event in stream]
        assert end == "complete"
        assert data["errors"] == [by_socket]
        return by_socket

    return refusal


@pytest.mark.parametrize("after", ["", "x", "🌊", "A" * 10_000, "bnVsbA", "W10"])
async def test_a_cursor_that_is_none_is_refused(after, archive, refusal):
    error = await refusal((await archive.batch()).batch, after)

    assert error["extensions"] == {"code": "BAD_INPUT"}


async def test_a_cursor_of_another_batch_is_refused(archive, refusal):
    one, other = await archive.batch(), await archive.batch()

    error = await refusal(one.batch, BatchCursor(UUID(other.batch), 1).encode())

    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert "another batch" in error["message"]


async def test_a_cursor_from_the_future_is_refused(archive, refusal):
    kept = await archive.batch()

    error = await refusal(kept.batch, BatchCursor(UUID(kept.batch), 99).encode())

    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert "future" in error["message"]


async def test_a_cursor_of_a_list_is_refused(archive, as_owner, refusal):
    kept = await archive.batch()
    page = (await as_owner.ask("{ batches { pageInfo { endCursor } } }"))["batches"]

    error = await refusal(kept.batch, page["pageInfo"]["endCursor"])

    assert error["extensions"] == {"code": "BAD_INPUT"}


async def test_a_foreign_batch_and_an_absent_one_are_refused_alike(
    archive, as_stranger, as_anonymous, refusal
):
    kept = await archive.batch()

    errors = [
        await refusal(kept.batch, caller=as_stranger),
        await refusal(kept.batch, caller=as_anonymous),
        await refusal(str(uuid4())),
        await refusal("no id"),
        await refusal(kept.batch, BatchCursor(UUID(kept.batch), 1).encode(), caller=as_stranger),
    ]

    assert errors[0]["extensions"] == {"code": "NOT_FOUND"}
    assert all(error == errors[0] for error in errors)


async def test_a_subscription_without_a_stream_is_refused(archive, as_owner):
    kept = await archive.batch()

    response = await as_owner.post(DOCUMENT, id=kept.batch)

    assert response.status_code == 400
    assert "subscription" in response.text


async def test_a_query_over_server_sent_events_gets_one_answer(as_owner):
    async with as_owner.stream({"query": "{ viewer { id } }"}, accept="text/event-stream") as response:
        told = [event async for event in _parsed(response.aiter_text())]

    assert [name for name, _ in told] == ["next", "complete"]
    assert told[0][1]["data"]["viewer"]["id"] == str(as_owner.user_id)


async def test_a_page_out_of_bounds_is_refused_in_a_subscription_too(archive, as_owner):
    kept = await archive.batch()

    with pytest.raises(TransportQueryError) as caught:
        await as_owner.updates(kept.batch, "batch { images(first: 0) { totalCount } }")

    assert caught.value.errors[0]["extensions"] == {"code": "BAD_INPUT"}


async def generations(caller, batch_id):
    query = "query ($id: ID!) { batch(id: $id) { generations { nodes { id } } } }"
    nodes = (await caller.ask(query, id=batch_id))["batch"]["generations"]["nodes"]
    return [node["id"] for node in nodes]
