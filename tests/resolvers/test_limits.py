"""How much of one user's work may wait: told by usage, refused whole beyond, however many ask at once."""

import asyncio

import pytest

from tests.conftest import cloned, settings_on

START = """mutation ($input: StartBatchInput!) {
  payload: startBatch(input: $input) { made: batchId userErrors { field code message } }
}"""
AGAIN = """mutation ($input: RegenerateBatchInput!) {
  payload: regenerateBatch(input: $input) { made: batchId userErrors { field code } }
}"""
GENERATE = """mutation ($input: GenerateImageInput!) {
  payload: generateImage(input: $input) { made: generation { id } userErrors { field code } }
}"""
ON_ID = "mutation ($id: ID!) { payload: %s(id: $id) { userErrors { field code } } }"
USAGE = """{ viewer { usage {
  queuedGenerations runningGenerations maxQueuedGenerations maxRunningGenerations
} } }"""
BOAT = {"name": "Boat", "prompt": "a boat"}
FULL = {"field": ["input"], "code": "LIMIT_REACHED"}


@pytest.fixture(scope="module")
async def narrow(cluster, running, tmp_path_factory):
    """A service that lets six images of one user wait, and makes none."""
    async with cloned(cluster) as urls:
        settings = settings_on(urls, tmp_path_factory.mktemp("narrow"), max_queued=6, max_running=2)
        async with running(settings, with_worker=False) as service:
            yield service


@pytest.fixture
def ada(narrow):
    return narrow.caller()


async def do(caller, document, **variables):
    return (await caller.ask(document, **variables))["payload"]


async def start(caller, count, **asked):
    return await do(caller, START, input={"templates": [BOAT], "variants": count} | asked)


async def usage(caller):
    return (await caller.ask(USAGE))["viewer"]["usage"]


async def test_usage_tells_what_waits_and_how_much_may(ada):
    await start(ada, 4)
    await do(ada, GENERATE, input={"prompt": "a boat"})

    assert await usage(ada) == {
        "queuedGenerations": 5,
        "runningGenerations": 0,
        "maxQueuedGenerations": 6,
        "maxRunningGenerations": 2,
    }


async def test_what_runs_and_what_has_ended_is_told_apart(shared_service):
    ada = shared_service.caller()
    slow = {"seconds": 600, "width": 64, "height": 64}
    asked = {"templates": [BOAT], "parameters": slow}
    batch_id = (await do(ada, START, input=asked))["made"]
    async with ada.watching(batch_id, "batch { counts { running } }") as updates:
        async for update in updates:
            if update["batch"]["counts"]["running"]:
                break

    at_work = await usage(ada)
    await do(ada, ON_ID % "cancelBatch", id=batch_id)
    await ada.finished(batch_id)
    at_rest = await usage(ada)

    assert (at_work["queuedGenerations"], at_work["runningGenerations"]) == (0, 1)
    assert (at_rest["queuedGenerations"], at_rest["runningGenerations"]) == (0, 0)


async def test_nobody_else_counts(ada, narrow):
    await start(ada, 6)

    assert (await start(narrow.stranger(), 6))["userErrors"] == []
    assert (await usage(ada))["queuedGenerations"] == 6


async def test_what_would_be_too_much_is_refused_whole(ada):
    kept = (await start(ada, 4))["made"]

    refused = await start(ada, 3)
    again = await do(ada, AGAIN, input={"batchId": kept})

    assert refused == {
        "made": None,
        "userErrors": [FULL | {"message": "7 of your images would be waiting; at most 6 are allowed."}],
    }
    assert again == {"made": None, "userErrors": [FULL]}
    assert (await start(ada, 2))["userErrors"] == []
    assert await do(ada, GENERATE, input={"prompt": "a boat"}) == {"made": None, "userErrors": [FULL]}
    assert (await usage(ada))["queuedGenerations"] == 6


async def test_a_retry_that_would_be_too_much_is_refused_whole(ada):
    batch_id = (await start(ada, 4))["made"]
    single = (await do(ada, GENERATE, input={"prompt": "a boat"}))["made"]["id"]
    await do(ada, ON_ID % "cancelBatch", id=batch_id)
    await do(ada, ON_ID % "cancelGeneration", id=single)
    await start(ada, 6)

    for field, id in (("retryBatch", batch_id), ("retryGeneration", single)):
        payload = await do(ada, ON_ID % field, id=id)
        assert payload["userErrors"] == [{"field": ["id"], "code": "LIMIT_REACHED"}]
    assert (await usage(ada))["queuedGenerations"] == 6


async def test_a_key_that_was_refused_can_be_used_again(ada):
    full = (await start(ada, 6))["made"]
    assert (await start(ada, 1, idempotencyKey="k"))["userErrors"][0]["code"] == "LIMIT_REACHED"

    await do(ada, ON_ID % "cancelBatch", id=full)

    made = (await start(ada, 1, idempotencyKey="k"))["made"]
    assert made
    await start(ada, 5)
    assert (await start(ada, 1, idempotencyKey="k"))["made"] == made


async def test_of_many_calls_at_once_only_as_many_get_in_as_there_is_room_for(ada):
    answers = await asyncio.gather(
        *(start(ada, 2) for _ in range(8)),
        *(do(ada, GENERATE, input={"prompt": "a boat"}) for _ in range(8)),
    )

    assert (await usage(ada))["queuedGenerations"] == 6
    assert {each["code"] for answer in answers for each in answer["userErrors"]} == {"LIMIT_REACHED"}


async def test_usage_is_nobodys_without_a_token(narrow):
    (error,) = await narrow.anonymous().errors(USAGE)

    assert error["extensions"]["code"] == "UNAUTHENTICATED"
