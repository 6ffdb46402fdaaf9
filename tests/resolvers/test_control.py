"""Cancel, pause, resume, retry, make again, and keys that make a double click harmless."""

import asyncio

import pytest

COUNTS = "counts { total queued running succeeded failed canceled saved }"
START = """
mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batchId userErrors { field code message } }
}
"""
QUICK = {"seconds": 0, "width": 64, "height": 64}
SLOW = QUICK | {"seconds": 600}


def control(field, arguments="id: $id", variables="$id: ID!"):
    payload = f"{{ batch {{ id status {COUNTS} }} userErrors {{ field code message }} }}"
    return f"mutation ({variables}) {{ {field}({arguments}) {payload} }}"


@pytest.fixture
def ada(shared_service):
    return shared_service.caller()


@pytest.fixture
def stranger(shared_service):
    return shared_service.stranger()


async def start(caller, *templates, **given):
    wanted = {
        "templates": [{"name": f"T{n}", "prompt": "p", "parameters": t} for n, t in enumerate(templates)]
    }
    return (await caller.ask(START, input=wanted | given))["startBatch"]["batchId"]


async def act(caller, field, batch_id):
    return (await caller.ask(control(field), id=batch_id))[field]


async def until(caller, batch_id, wanted):
    """The update after which the batch is as wanted."""
    async with caller.watching(batch_id, f"batch {{ status {COUNTS} }}") as updates:
        async for update in updates:
            if wanted(update["batch"]):
                return update
    raise AssertionError("the batch ended before it was as wanted")


async def test_cancelling_a_batch_ends_what_waits_and_what_runs(ada):
    batch_id = await start(ada, SLOW, SLOW, SLOW)
    await until(ada, batch_id, lambda batch: batch["counts"]["running"] == 3)

    payload = await act(ada, "cancelBatch", batch_id)

    assert payload["batch"]["status"] == "CANCELING"
    done = await ada.finished(batch_id)
    assert done["status"] == "CANCELED"
    assert done["counts"]["canceled"] == 3


async def test_cancelling_twice_is_cancelling_once(ada):
    batch_id = await start(ada, SLOW)
    await act(ada, "cancelBatch", batch_id)
    await ada.finished(batch_id)
    assert (await act(ada, "cancelBatch", batch_id))["userErrors"] == []


async def test_a_finished_batch_cannot_be_cancelled(ada):
    batch_id = await start(ada, QUICK)
    await ada.finished(batch_id)
    payload = await act(ada, "cancelBatch", batch_id)
    assert payload["userErrors"][0]["code"] == "CONFLICT"
    assert payload["batch"]["status"] == "SUCCEEDED"


@pytest.mark.parametrize("field", ["cancelBatch", "pauseBatch", "resumeBatch", "retryBatch"])
async def test_a_strangers_batch_does_not_exist(stranger, ada, field):
    batch_id = await start(ada, SLOW)
    payload = await act(stranger, field, batch_id)
    assert payload["batch"] is None
    assert payload["userErrors"][0]["code"] == "NOT_FOUND"
    await act(ada, "cancelBatch", batch_id)


async def test_a_paused_batch_waits_until_it_is_resumed(settings_for, running):
    async with running(settings_for(max_running=1)) as service:
        ada = service.caller()
        batch_id = await start(ada, QUICK | {"seconds": 1}, QUICK, QUICK)
        await until(ada, batch_id, lambda batch: batch["counts"]["running"] == 1)
        paused = await act(ada, "pauseBatch", batch_id)
        assert paused["batch"]["status"] == "PAUSED"
        at_rest = await until(ada, batch_id, lambda batch: batch["counts"]["succeeded"] == 1)
        assert at_rest["batch"]["status"] == "PAUSED"
        assert at_rest["batch"]["counts"]["queued"] == 2

        await act(ada, "resumeBatch", batch_id)

        assert (await ada.finished(batch_id))["status"] == "SUCCEEDED"


async def test_a_retry_queues_what_failed_in_the_same_batch_and_the_cursor_goes_on(ada):
    batch_id = await start(ada, QUICK, QUICK | {"fail": "no"})
    last = (await ada.updates(batch_id, ""))[-1]["cursor"]

    await act(ada, "retryBatch", batch_id)
    updates = await ada.updates(
        batch_id, "generation { templateName status attempts } batch { status }", after=last
    )

    assert {update["generation"]["templateName"] for update in updates} == {"T1"}
    assert updates[-1]["generation"]["attempts"] == 2
    assert updates[-1]["batch"]["status"] == "PARTIALLY_SUCCEEDED"


async def test_a_retry_by_code_leaves_other_failures_alone(ada):
    batch_id = await start(ada, QUICK | {"fail": "no"}, QUICK | {"width": 1})
    await ada.finished(batch_id)
    document = control("retryBatch", "id: $id, codes: $codes", "$id: ID!, $codes: [GenerationErrorCode!]")
    payload = (await ada.ask(document, id=batch_id, codes=["INVALID_INPUT"]))["retryBatch"]
    assert payload["batch"]["counts"]["queued"] + payload["batch"]["counts"]["running"] <= 1
    assert payload["batch"]["counts"]["failed"] >= 1
    await ada.finished(batch_id)


async def test_nothing_to_retry_is_said(ada):
    batch_id = await start(ada, QUICK)
    await ada.finished(batch_id)
    assert (await act(ada, "retryBatch", batch_id))["userErrors"][0]["code"] == "CONFLICT"


async def test_a_single_generation_is_cancelled_and_retried(ada):
    generate = """
    mutation ($input: GenerateImageInput!) {
      generateImage(input: $input) { generation { id } userErrors { message } }
    }
    """
    made = await ada.ask(generate, input={"prompt": "a bridge", "parameters": SLOW})
    key = made["generateImage"]["generation"]["id"]
    cancel = """mutation ($id: ID!) { cancelGeneration(id: $id) { userErrors { code } } }"""
    retry = (
        """mutation ($id: ID!) { retryGeneration(id: $id) { generation { status } userErrors { code } } }"""
    )

    assert (await ada.ask(cancel, id=key))["cancelGeneration"]["userErrors"] == []
    async with asyncio.timeout(10):
        while (await ada.ask(STATUS, id=key))["generation"]["status"] != "CANCELED":
            await asyncio.sleep(0.05)
    again = (await ada.ask(retry, id=key))["retryGeneration"]

    assert again["userErrors"] == []
    assert again["generation"]["status"] in {"QUEUED", "RUNNING"}
    await ada.ask(cancel, id=key)


STATUS = "query ($id: ID!) { generation(id: $id) { status } }"
AGAIN = """
mutation ($input: RegenerateBatchInput!) {
  regenerateBatch(input: $input) {
    batch {
      id title model parameters
      regeneratedFrom { id }
      generations { nodes { templateName prompt parameters: model } }
    }
    userErrors { field code }
  }
}
"""


async def test_a_batch_is_made_again_with_one_change(ada):
    batch_id = await start(ada, QUICK, QUICK | {"fail": "no"}, title="Evening")
    await ada.finished(batch_id)

    made = await ada.ask(AGAIN, input={"batchId": batch_id, "parameters": {"width": 96}})

    batch = made["regenerateBatch"]["batch"]
    assert batch["title"] == "Evening"
    assert batch["regeneratedFrom"]["id"] == batch_id
    assert batch["parameters"]["width"] == 96
    assert len(batch["generations"]["nodes"]) == 2
    assert (await ada.finished(batch["id"]))["counts"]["failed"] == 1


async def test_only_what_failed_is_made_again(ada):
    batch_id = await start(ada, QUICK, QUICK | {"fail": "no"})
    await ada.finished(batch_id)
    made = await ada.ask(AGAIN, input={"batchId": batch_id, "onlyFailed": True})
    nodes = made["regenerateBatch"]["batch"]["generations"]["nodes"]
    assert [node["templateName"] for node in nodes] == ["T1"]


async def test_a_hundred_calls_with_one_key_start_one_batch(ada):
    wanted = {
        "idempotencyKey": "one click",
        "templates": [{"name": "T", "prompt": "p", "parameters": QUICK}],
    }
    answers = await asyncio.gather(*(ada.ask(START, input=wanted) for _ in range(100)))
    assert len({answer["startBatch"]["batchId"] for answer in answers}) == 1
    batches = await ada.ask("{ batches { totalCount } }")
    assert batches["batches"]["totalCount"] == 1


async def test_a_key_is_for_one_input_and_one_user(stranger, ada):
    wanted = {"idempotencyKey": "k", "templates": [{"name": "T", "prompt": "p"}]}
    await ada.ask(START, input=wanted)
    other = await ada.ask(START, input=wanted | {"title": "Another"})
    assert other["startBatch"]["userErrors"][0]["code"] == "IDEMPOTENCY_MISMATCH"
    ben = await stranger.ask(START, input=wanted | {"title": "Another"})
    assert ben["startBatch"]["userErrors"] == []
