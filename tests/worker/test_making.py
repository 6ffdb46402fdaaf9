"""What a batch comes to when something fails, and what a job that runs twice changes: nothing."""

import asyncio

import asyncpg
import pytest

from engine.viewer import Viewer
from tests.along import http_client

START = """
mutation ($input: StartBatchInput!) {
  startBatch(input: $input) { batchId userErrors { message } }
}
"""
SMALL = {"seconds": 0, "width": 64, "height": 64}
GENERATIONS = (
    "generation { id status saved templateName error { code message retryAt } imageUrl imageRecordId }"
)


async def start(caller, templates, **given):
    wanted = {"parameters": SMALL, "templates": templates, **given}
    return (await caller.ask(START, input=wanted))["startBatch"]["batchId"]


def template(name, **parameters):
    return {"name": name, "prompt": f"{name}, painted", "parameters": parameters}


def last_states(updates):
    return {u["generation"]["templateName"]: u["generation"] for u in updates if u["generation"]}


@pytest.fixture
async def refuse_saves(owner: asyncpg.Connection):
    """Makes the database refuse images of a name; the block's end lifts it."""
    await owner.execute(
        "create function public.refuse() returns trigger language plpgsql as "
        "$$ begin if new.name like '%Cursed%' then raise exception 'cursed'; end if; return new; end $$"
    )
    await owner.execute(
        "create trigger refuse before insert on images for each row execute function public.refuse()"
    )


async def test_two_failures_among_ten_leave_eight_saved(service):
    ada = service.caller()
    templates = [template(f"Good {n}") for n in range(8)]
    templates += [template(f"Bad {n}", fail="out of paint") for n in range(2)]

    batch_id = await start(ada, templates)
    updates = await ada.updates(batch_id, GENERATIONS + " batch { status counts { saved failed } }")

    assert updates[-1]["batch"] == {
        "status": "PARTIALLY_SUCCEEDED",
        "counts": {"saved": 8, "failed": 2},
    }
    error = last_states(updates)["Bad 0"]["error"]
    assert error == {"code": "MODEL_FAILED", "message": "out of paint", "retryAt": None}


async def test_a_batch_without_a_success_has_failed(service):
    ada = service.caller()
    batch_id = await start(ada, [template("Bad", fail="no")])
    assert (await ada.finished(batch_id))["status"] == "FAILED"


async def test_inputs_out_of_bounds_fail_the_image_alone(service):
    ada = service.caller()
    batch_id = await start(ada, [template("Huge", width=100_000), template("Good")])
    states = last_states(await ada.updates(batch_id, GENERATIONS))
    assert states["Huge"]["error"]["code"] == "INVALID_INPUT"
    assert states["Good"]["status"] == "SUCCEEDED"


async def test_a_refused_save_stops_nothing_and_is_tried_again(service, refuse_saves, owner):
    ada = service.caller()
    batch_id = await start(ada, [template("Cursed"), template("Good")])
    async with ada.watching(batch_id, GENERATIONS) as updates:
        async for update in updates:
            generation = update["generation"]
            if generation["templateName"] == "Cursed" and generation["status"] == "SUCCEEDED":
                break
        assert not generation["saved"]
        assert generation["error"]["code"] == "SAVE_FAILED"
        assert generation["error"]["retryAt"]
        assert (await fetched(generation["imageUrl"])).headers["content-type"] == "image/png"

        await owner.execute("drop trigger refuse on images")
        async for update in updates:
            generation = update["generation"]

    assert generation["templateName"] == "Cursed"
    assert generation["saved"]
    assert generation["error"] is None
    assert (await ada.finished(batch_id))["counts"]["saved"] == 2


async def fetched(address):
    async with http_client() as client:
        return await client.get(address)


async def test_an_image_row_has_every_column_of_its_story(service, database):
    ada = service.caller()
    collection = await ada.ask(
        """mutation ($input: CreateCollectionInput!) {
             createCollection(input: $input) { collection { id } userErrors { message } } }""",
        input={"name": "Harbour", "templates": [template("Boat")]},
    )
    collection_id = collection["createCollection"]["collection"]["id"]
    batch_id = await start(ada, None, collectionId=collection_id)
    await ada.finished(batch_id)

    async with database.session(Viewer(user_id=ada.user_id, role="authenticated")) as session:
        row = await session.connection.fetchrow("select * from images")

    assert row["name"] == "Harbour - Boat"
    assert row["prompt"] == "Boat, painted"
    assert str(row["batch_id"]) == batch_id
    assert str(row["collection_id"]) == collection_id
    assert row["url"].startswith(f"{ada.user_id}/")
    assert row["url"].endswith(".png")
    assert row["thumbnail_url"] == row["url"] + ".400.webp"
    assert (row["width"], row["height"], row["content_type"]) == (64, 64, "image/png")
    assert row["placeholder"]
    assert row["model"] == "demo"


async def test_the_usual_thumbnail_is_made_beforehand(service):
    ada = service.caller()
    batch_id = await start(ada, [template("Good", width=900, height=600)])
    await ada.finished(batch_id)

    async with asyncio.timeout(10):
        while not (found := list(service.settings.data_dir.rglob("*.400.webp"))):
            await asyncio.sleep(0.05)

    assert found[0].read_bytes()[8:12] == b"WEBP"
