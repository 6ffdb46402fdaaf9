"""The whole way: start a batch, watch it, find it in the history."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

START = """
mutation ($input: StartBatchInput!) {
  startBatch(input: $input) {
    batchId
    batch { id title status cursor counts { total queued } }
    userErrors { field code message }
  }
}
"""
SMALL = {"seconds": 0, "width": 64, "height": 64}
AWAY = "nats://127.0.0.1:1"


@pytest.fixture(params=["notify", "nats", "nats away"])
async def service(request, shared_nats, settings_for, running) -> AsyncIterator[Any]:
    """With either kind of hints, and with none: changes are then seen a little later."""
    nats_url = {"nats": shared_nats.address, "nats away": AWAY}.get(request.param)
    async with running(settings_for(nats_url=nats_url)) as service:
        yield service


async def test_a_batch_is_made_streamed_stored_and_found(service):
    ada = service.caller()
    start = await ada.ask(
        START,
        input={
            "templates": [{"name": "Dawn", "prompt": "a {{thing}} at dawn"}],
            "variables": {"thing": ["boat", "tree"]},
            "variants": 2,
            "parameters": SMALL,
            "title": "First light",
        },
    )
    batch_id = start["startBatch"]["batchId"]

    updates = await ada.updates(batch_id, "generation { id status saved imageUrl } batch { status }")

    assert updates[-1]["batch"]["status"] == "SUCCEEDED"
    last = {each["generation"]["id"]: each["generation"] for each in updates if each["generation"]}
    assert len(last) == 4
    assert all(each["status"] == "SUCCEEDED" and each["saved"] for each in last.values())
