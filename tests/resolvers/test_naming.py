"""Names, tags and favourites: what is given is kept, what is not stays as it was."""

import pytest

UPDATE = """mutation ($input: UpdateBatchInput!) {
  payload: updateBatch(input: $input) { node: batch { title favorite tags } userErrors { field code } }
}"""
UPDATE_IMAGE = """mutation ($input: UpdateImageInput!) {
  payload: updateImage(input: $input) { node: image { name favorite } userErrors { field code } }
}"""
BATCH = "query ($id: ID!) { batch(id: $id) { title favorite tags cursor } }"


async def change(caller, document, **asked):
    return (await caller.ask(document, input=asked))["payload"]


async def test_a_batch_is_named_marked_and_tagged(archive, as_owner):
    kept = await archive.batch()
    asked = {"title": "Evening", "favorite": True, "tags": ["sea", " Sea ", "the  sky"]}

    payload = await change(as_owner, UPDATE, id=kept.batch, **asked)

    assert payload == {"node": asked | {"tags": ["sea", "the sky"]}, "userErrors": []}


async def test_what_is_not_named_or_null_stays_as_it_was(archive, as_owner):
    kept = await archive.batch()
    await change(as_owner, UPDATE, id=kept.batch, title="Evening", favorite=True, tags=["sea"])

    await change(as_owner, UPDATE, id=kept.batch, title=None, favorite=None, tags=None)
    assert (await change(as_owner, UPDATE, id=kept.batch, favorite=False))["node"] == {
        "title": "Evening",
        "favorite": False,
        "tags": ["sea"],
    }
    assert (await change(as_owner, UPDATE, id=kept.batch, tags=[]))["node"]["tags"] == []


async def test_a_change_of_the_batch_alone_moves_its_cursor_and_is_told(archive, as_owner):
    kept = await archive.batch()
    before = (await as_owner.ask(BATCH, id=kept.batch))["batch"]["cursor"]

    await change(as_owner, UPDATE, id=kept.batch, title="Evening")
    updates = await as_owner.updates(kept.batch, "generation { id } batch { title }", after=before)

    cursor = (await as_owner.ask(BATCH, id=kept.batch))["batch"]["cursor"]
    assert updates == [{"cursor": cursor, "generation": None, "batch": {"title": "Evening"}}]


async def test_an_image_is_named_and_marked(archive, as_owner):
    (image,) = await archive.images(1)

    named = await change(as_owner, UPDATE_IMAGE, id=image, name="Dusk")
    marked = await change(as_owner, UPDATE_IMAGE, id=image, favorite=True)

    assert named == {"node": {"name": "Dusk", "favorite": False}, "userErrors": []}
    assert marked["node"] == {"name": "Dusk", "favorite": True}


async def test_an_image_in_the_trash_is_not_changed(archive, as_owner):
    (image,) = await archive.images(1)
    await as_owner.ask("mutation ($ids: [ID!]!) { deleteImages(ids: $ids) { deletedIds } }", ids=[image])

    payload = await change(as_owner, UPDATE_IMAGE, id=image, name="Dusk")

    assert payload["node"]["name"] == "A boat"
    assert payload["userErrors"] == [{"field": ["input", "id"], "code": "CONFLICT"}]


@pytest.mark.parametrize("document", [UPDATE, UPDATE_IMAGE])
async def test_a_strangers_is_not_changed(document, archive, as_owner, as_stranger):
    kept = await archive.batch()
    id = kept.batch if document == UPDATE else kept.images[0]

    payload = await change(as_stranger, document, id=id, favorite=True)

    assert payload["node"] is None
    assert payload["userErrors"] == [{"field": ["input", "id"], "code": "NOT_FOUND"}]
    assert (await change(as_owner, document, id=id))["node"]["favorite"] is False
