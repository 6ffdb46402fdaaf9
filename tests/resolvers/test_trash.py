"""Delete and restore: what went comes back, nothing else moves, and nobody else's can be touched."""

import asyncio
from uuid import uuid4

import pytest

START = """mutation ($input: StartBatchInput!) { startBatch(input: $input) { batchId } }"""
DELETE = """mutation ($id: ID!, $keep: Boolean) {
  payload: deleteBatch(id: $id, keepImages: $keep) { deletedIds userErrors { field code } }
}"""
RESTORE = """mutation ($id: ID!) {
  payload: restoreBatch(id: $id) { batch { deletedAt status } userErrors { field code } }
}"""
DELETE_IMAGES = """mutation ($ids: [ID!]!) {
  payload: deleteImages(ids: $ids) { deletedIds userErrors { field code } }
}"""
RESTORE_IMAGES = """mutation ($ids: [ID!]!) {
  payload: restoreImages(ids: $ids) { images { id deletedAt } userErrors { field code } }
}"""
HISTORY = """{
  batches(first: 100) { nodes { id } }
  images(first: 100) { nodes { id } }
}"""
BATCH = "query ($id: ID!) { batch(id: $id) { deletedAt status counts { canceled } } }"
IMAGE = "query ($id: ID!) { image(id: $id) { deletedAt } }"


async def history(caller):
    found = await caller.ask(HISTORY)
    return [{each["id"] for each in found[name]["nodes"]} for name in ("batches", "images")]


async def do(caller, document, **variables):
    return (await caller.ask(document, **variables))["payload"]


async def test_a_deleted_batch_is_out_of_the_history_with_its_images(archive, as_owner):
    gone, other = await archive.batch(2), await archive.batch(1)

    payload = await do(as_owner, DELETE, id=gone.batch)

    assert payload == {"deletedIds": [gone.batch], "userErrors": []}
    assert await history(as_owner) == [{other.batch}, set(other.images)]
    assert (await as_owner.ask(BATCH, id=gone.batch))["batch"]["deletedAt"]
    assert (await as_owner.ask(IMAGE, id=gone.images[0]))["image"]["deletedAt"]


async def test_the_trash_is_listed_where_it_is_asked_for(archive, as_owner):
    gone, _ = await archive.batch(2), await archive.batch(1)
    await do(as_owner, DELETE, id=gone.batch)

    trash = await as_owner.ask("""{
      batches(filter: {deleted: true}) { nodes { id } } images(filter: {deleted: true}) { nodes { id } }
    }""")

    assert [each["id"] for each in trash["batches"]["nodes"]] == [gone.batch]
    assert {each["id"] for each in trash["images"]["nodes"]} == set(gone.images)


async def test_images_stay_where_they_are_to_be_kept(archive, as_owner):
    gone = await archive.batch(2)

    await do(as_owner, DELETE, id=gone.batch, keep=True)

    assert await history(as_owner) == [set(), set(gone.images)]


async def test_a_restored_batch_brings_back_the_images_that_went_with_it_and_no_others(archive, as_owner):
    kept = await archive.batch(3)
    await do(as_owner, DELETE_IMAGES, ids=[kept.images[1]])
    await do(as_owner, DELETE, id=kept.batch)

    payload = await do(as_owner, RESTORE, id=kept.batch)

    assert payload == {"batch": {"deletedAt": None, "status": "SUCCEEDED"}, "userErrors": []}
    assert await history(as_owner) == [{kept.batch}, {kept.images[0], kept.images[2]}]


async def test_doing_it_again_changes_nothing(archive, as_owner):
    kept = await archive.batch(1)
    first = await do(as_owner, DELETE, id=kept.batch, keep=True)
    when = await as_owner.ask(BATCH, id=kept.batch)

    assert await do(as_owner, DELETE, id=kept.batch) == first
    assert await as_owner.ask(BATCH, id=kept.batch) == when
    assert await history(as_owner) == [set(), set(kept.images)]
    assert await do(as_owner, RESTORE, id=kept.batch) == await do(as_owner, RESTORE, id=kept.batch)


async def test_images_are_deleted_and_restored_many_at_once(archive, as_owner):
    images = await archive.images(3)
    asked = [images[2], images[0].upper(), images[2]]

    deleted = await do(as_owner, DELETE_IMAGES, ids=asked)
    assert deleted == {"deletedIds": [images[2], images[0]], "userErrors": []}
    assert (await history(as_owner))[1] == {images[1]}

    restored = await do(as_owner, RESTORE_IMAGES, ids=asked)
    assert restored["images"] == [{"id": images[at], "deletedAt": None} for at in (2, 0)]
    assert (await history(as_owner))[1] == set(images)


@pytest.mark.parametrize("document", [DELETE_IMAGES, RESTORE_IMAGES])
async def test_one_image_that_is_not_there_leaves_all_as_they_are(document, archive, as_owner, as_stranger):
    images = await archive.images(1)
    before = await history(as_owner)

    own = await do(as_owner, document, ids=[images[0], str(uuid4()), "no id"])
    strangers = await do(as_stranger, document, ids=images)

    assert own["userErrors"] == [{"field": ["ids", place], "code": "NOT_FOUND"} for place in ("1", "2")]
    assert strangers["userErrors"] == [{"field": ["ids", "0"], "code": "NOT_FOUND"}]
    assert await history(as_owner) == before


@pytest.mark.parametrize("document", [DELETE_IMAGES, RESTORE_IMAGES])
async def test_no_more_than_500_images_go_at_once(document, archive, as_owner):
    (image,) = await archive.images(1)

    assert (await do(as_owner, document, ids=[image] * 500))["userErrors"] == []
    too_many = await do(as_owner, document, ids=[image] * 501)

    assert too_many["userErrors"] == [{"field": ["ids"], "code": "TOO_MANY"}]


async def test_a_strangers_batch_can_be_neither_deleted_nor_restored(archive, as_owner, as_stranger):
    kept = await archive.batch(1)
    refused = [{"field": ["id"], "code": "NOT_FOUND"}]

    assert (await do(as_stranger, DELETE, id=kept.batch))["userErrors"] == refused
    assert await history(as_owner) == [{kept.batch}, set(kept.images)]
    await do(as_owner, DELETE, id=kept.batch)
    assert (await do(as_stranger, RESTORE, id=kept.batch))["userErrors"] == refused
    assert await history(as_owner) == [set(), set()]


async def test_without_a_token_nothing_is_deleted(archive, as_anonymous):
    kept = await archive.batch(1)

    (error,) = await as_anonymous.errors(DELETE, id=kept.batch)

    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_deleting_what_waits_cancels_it_and_restoring_leaves_it_cancelled(as_owner):
    asked = {"templates": [{"name": "Boat", "prompt": "a boat"}], "variants": 2}
    batch_id = (await as_owner.ask(START, input=asked))["startBatch"]["batchId"]

    await do(as_owner, DELETE, id=batch_id)

    deleted = (await as_owner.ask(BATCH, id=batch_id))["batch"]
    assert (deleted["status"], deleted["counts"]["canceled"]) == ("CANCELED", 2)
    assert (await do(as_owner, RESTORE, id=batch_id))["batch"] == {"deletedAt": None, "status": "CANCELED"}


async def test_deleting_what_runs_stops_it_at_the_provider(shared_service):
    ada = shared_service.caller()
    slow = {"seconds": 600, "width": 64, "height": 64}
    asked = {"templates": [{"name": "Boat", "prompt": "a boat", "parameters": slow}]}
    batch_id = (await ada.ask(START, input=asked))["startBatch"]["batchId"]
    async with ada.watching(batch_id, "batch { counts { running } }") as updates:
        async for update in updates:
            if update["batch"]["counts"]["running"]:
                break

    await do(ada, DELETE, id=batch_id)

    assert (await ada.finished(batch_id))["status"] == "CANCELED"
    assert await history(ada) == [set(), set()]


IN_TRASH = {
    "pauseBatch": "mutation ($id: ID!) { payload: pauseBatch(id: $id) { userErrors { field code } } }",
    "resumeBatch": "mutation ($id: ID!) { payload: resumeBatch(id: $id) { userErrors { field code } } }",
    "retryBatch": "mutation ($id: ID!) { payload: retryBatch(id: $id) { userErrors { field code } } }",
    "cancelBatch": "mutation ($id: ID!) { payload: cancelBatch(id: $id) { userErrors { field code } } }",
    "regenerateBatch": """mutation ($id: ID!) {
      payload: regenerateBatch(input: {batchId: $id}) { userErrors { field code } }
    }""",
    "updateBatch": """mutation ($id: ID!) {
      payload: updateBatch(input: {id: $id, title: "x"}) { userErrors { field code } }
    }""",
}


@pytest.mark.parametrize("field", IN_TRASH)
async def test_nothing_but_restoring_is_asked_of_a_batch_in_the_trash(field, archive, as_owner, as_stranger):
    kept = await archive.batch(1)
    await do(as_owner, DELETE, id=kept.batch)

    (own,) = (await do(as_owner, IN_TRASH[field], id=kept.batch))["userErrors"]
    (foreign,) = (await do(as_stranger, IN_TRASH[field], id=kept.batch))["userErrors"]

    assert own["code"] == "CONFLICT"
    assert own["field"][-1] in ("id", "batchId")
    assert foreign == own | {"code": "NOT_FOUND"}


@pytest.mark.parametrize("field", ["cancelGeneration", "retryGeneration"])
async def test_a_generation_of_a_batch_in_the_trash_stays_as_it_is(field, archive, as_owner):
    kept = await archive.batch(1)
    await do(as_owner, DELETE, id=kept.batch)
    document = f"mutation ($id: ID!) {{ payload: {field}(id: $id) {{ userErrors {{ field code }} }} }}"

    payload = await do(as_owner, document, id=kept.generations[0])

    assert payload["userErrors"] == [{"field": ["id"], "code": "CONFLICT"}]


async def test_batch_and_images_deleted_at_once_do_not_wait_for_each_other(archive, as_owner):
    kept = await archive.batch(40)

    await asyncio.gather(
        do(as_owner, DELETE, id=kept.batch),
        do(as_owner, DELETE_IMAGES, ids=kept.images[::-1]),
        do(as_owner, RESTORE_IMAGES, ids=kept.images),
        do(as_owner, DELETE, id=kept.batch),
    )
    await do(as_owner, RESTORE, id=kept.batch)
    await do(as_owner, RESTORE_IMAGES, ids=kept.images)

    assert await history(as_owner) == [{kept.batch}, set(kept.images)]
