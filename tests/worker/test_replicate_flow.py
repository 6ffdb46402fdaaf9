"""Batches through the whole service against a provider that loses answers, doubles and delays."""

import pytest

from tests.standin.replicate import standin

START = """
mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batchId userErrors { message } }
}
"""
TROUBLE = {
    "lost": 0.1,
    "error": 0.05,
    "error_after": 0.03,
    "throttled": 0.05,
    "garbage": 0.03,
    "read_error": 0.05,
    "retry_after": 0.2,
}
LOSES_WEBHOOKS = {"webhook_lost": 0.2, "webhook_doubled": 0.2, "webhook_late": 0.2}


@pytest.fixture
def settings_on(settings_for):
    """Settings of a service whose models are the stand-in's."""

    def make(replicate, **given):
        return settings_for(
            REPLICATE_API_TOKEN="r8_token",
            replicate_url=replicate.url,
            models=("black-forest-labs/flux-schnell",),
            creates_per_minute=60_000,
            settle_seconds=2,
            **given,
        )

    return make


async def start(caller, count, **given):
    templates = [{"name": f"T{n}", "prompt": f"prompt {n}"} for n in range(count)]
    return (await caller.ask(START, input={"templates": templates} | given))["startBatch"]["batchId"]


async def test_trouble_costs_no_image_and_pays_none_twice(settings_on, running):
    async with standin(seed=7, **TROUBLE) as replicate, running(settings_on(replicate)) as service:
        ada = service.caller()
        done = await ada.finished(await start(ada, 40))
        stats = replicate.stats
    assert done["counts"]["saved"] == 40
    assert stats["duplicates"] == 0


@pytest.mark.parametrize("trouble", [{}, LOSES_WEBHOOKS, {"webhook_forged": 1.0}, {"lost": 1.0}])
async def test_webhooks_hasten_and_are_never_needed(settings_on, running, trouble):
    async with (
        standin(seed=3, seconds=0.3, **trouble) as replicate,
        running(settings_on(replicate, webhooks="on")) as service,
    ):
        ada = service.caller()
        done = await ada.finished(await start(ada, 6))
        stats = replicate.stats
    assert done["counts"]["saved"] == 6
    assert stats["duplicates"] == 0


async def test_several_outputs_are_several_images(settings_on, running):
    async with standin() as replicate, running(settings_on(replicate)) as service:
        ada = service.caller()
        batch_id = await start(ada, 1, parameters={"num_outputs": 3})
        await ada.finished(batch_id)
        batch = await ada.ask("query ($id: ID!) { batch(id: $id) { images { nodes { url } } } }", id=batch_id)
    assert len({image["url"] for image in batch["batch"]["images"]["nodes"]}) == 3


async def test_a_cancelled_run_is_stopped_at_the_provider(settings_on, running):
    async with standin(seconds=60) as replicate, running(settings_on(replicate)) as service:
        ada = service.caller()
        batch_id = await start(ada, 2)
        async with ada.watching(batch_id, "batch { counts { running } }") as updates:
            async for update in updates:
                if update["batch"]["counts"]["running"] == 2:
                    break
        await ada.ask("mutation ($id: ID!) { cancelBatch(id: $id) { batch { id } } }", id=batch_id)
        done = await ada.finished(batch_id)
        stats = replicate.stats
    assert done["status"] == "CANCELED"
    assert stats["canceled"] == 2


async def test_creates_keep_to_the_rate(settings_on, running):
    async with standin(rate=10, window=1) as replicate:
        settings = settings_on(replicate).model_copy(update={"creates_per_minute": 600})
        async with running(settings) as service:
            ada = service.caller()
            done = await ada.finished(await start(ada, 25))
        stats = replicate.stats
    assert done["counts"]["saved"] == 25
    assert stats["fullest_minute"] <= 600
