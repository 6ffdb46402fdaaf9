"""The life of a collection, which never rewrites what was made from it."""

import asyncio

import pytest

FIELDS = "id name description templates { name prompt model parameters position }"
UPDATE = f"""mutation ($input: UpdateCollectionInput!) {{
  payload: updateCollection(input: $input) {{ collection {{ {FIELDS} }} userErrors {{ field code }} }}
}}"""
DELETE = """mutation ($id: ID!) {
  payload: deleteCollection(id: $id) { deletedIds userErrors { field code } }
}"""
COLLECTION = f"query ($id: ID!) {{ collection(id: $id) {{ {FIELDS} }} }}"
START = """mutation ($id: ID!, $variables: JSON) {
  startBatch(input: {collectionId: $id, variables: $variables}) {
    batchId userErrors { field code message }
  }
}"""
HISTORY = """query ($id: ID!) { batch(id: $id) {
  title collection { id }
  generations { nodes { templateId templateName prompt model } }
  images { nodes { name prompt collection { id } } }
} }"""
RED = {"colour": "red"}


async def update(caller, id, **asked):
    return (await caller.ask(UPDATE, input={"id": id} | asked))["payload"]


async def test_templates_replace_the_whole_list(archive, as_owner):
    id = await archive.collection(templates=3)
    templates = [
        {"name": "Two", "prompt": "b", "model": "demo", "parameters": {"seed": 1}},
        {"name": "One", "prompt": "a", "model": None, "parameters": {}},
    ]

    payload = await update(as_owner, id, templates=templates)

    assert payload["userErrors"] == []
    assert payload["collection"]["name"] == "Harbour"
    assert payload["collection"]["templates"] == [
        each | {"position": place} for place, each in enumerate(templates)
    ]


async def test_what_is_not_named_or_null_stays_as_it_was(archive, as_owner):
    id = await archive.collection(templates=2)
    before = (await as_owner.ask(COLLECTION, id=id))["collection"]

    renamed = await update(as_owner, id, name="Quay", description="Ships.", templates=None)
    emptied = await update(as_owner, id, name=None, description="")

    assert renamed["collection"] == before | {"name": "Quay", "description": "Ships."}
    assert emptied["collection"] == before | {"name": "Quay"}


async def test_nothing_is_changed_where_anything_is_refused(archive, as_owner):
    id = await archive.collection()
    before = await as_owner.ask(COLLECTION, id=id)

    payload = await update(as_owner, id, name="Quay", templates=[{"name": "", "prompt": "a"}])

    assert payload["userErrors"] == [{"field": ["input", "templates", "0", "name"], "code": "REQUIRED"}]
    assert await as_owner.ask(COLLECTION, id=id) == before


async def test_of_two_lists_at_once_one_stays_whole(archive, as_owner):
    id = await archive.collection(templates=3)
    lists = [[{"name": name, "prompt": f"{name} {n}"} for n in range(20)] for name in "abcdef"]

    await asyncio.gather(*(update(as_owner, id, templates=each) for each in lists))

    kept = (await as_owner.ask(COLLECTION, id=id))["collection"]["templates"]
    assert [{"name": each["name"], "prompt": each["prompt"]} for each in kept] in lists
    assert [each["position"] for each in kept] == list(range(20))


@pytest.mark.parametrize("gone", [False, True])
async def test_editing_or_deleting_a_collection_never_rewrites_history(gone, archive, as_owner):
    id = await archive.collection(templates=2)
    started = (await as_owner.ask(START, id=id, variables=RED))["startBatch"]["batchId"]
    finished = (await archive.batch(2, collection=id)).batch
    before = [(await as_owner.ask(HISTORY, id=each))["batch"] for each in (started, finished)]

    if gone:
        assert (await as_owner.ask(DELETE, id=id))["payload"] == {"deletedIds": [id], "userErrors": []}
    else:
        await update(as_owner, id, name="Quay", templates=[{"name": "New", "prompt": "new"}])

    for batch, was in zip((started, finished), before, strict=True):
        now = (await as_owner.ask(HISTORY, id=batch))["batch"]
        assert now["generations"] == was["generations"]
        assert now["title"] == was["title"]
        assert now["collection"] == (None if gone else {"id": id})
        assert [(each["name"], each["prompt"]) for each in now["images"]["nodes"]] == [
            (each["name"], each["prompt"]) for each in was["images"]["nodes"]
        ]
    assert ((await as_owner.ask(COLLECTION, id=id))["collection"] is None) == gone


@pytest.mark.parametrize("document", [UPDATE, DELETE])
async def test_a_shared_collection_is_read_only(document, portrait_studio, as_owner):
    before = await as_owner.ask(COLLECTION, id=portrait_studio)
    if document == UPDATE:
        payload = await update(as_owner, portrait_studio, name="Mine")
    else:
        payload = (await as_owner.ask(DELETE, id=portrait_studio))["payload"]

    assert [each["code"] for each in payload["userErrors"]] == ["CONFLICT"]
    assert await as_owner.ask(COLLECTION, id=portrait_studio) == before


@pytest.mark.parametrize("document", [UPDATE, DELETE])
async def test_a_strangers_collection_is_refused_as_an_absent_one_is(
    document, archive, as_owner, as_stranger
):
    id = await archive.collection()
    before = await as_owner.ask(COLLECTION, id=id)
    if document == UPDATE:
        payload = await update(as_stranger, id, name="Mine")
    else:
        payload = (await as_stranger.ask(DELETE, id=id))["payload"]

    assert [each["code"] for each in payload["userErrors"]] == ["NOT_FOUND"]
    assert await as_owner.ask(COLLECTION, id=id) == before


async def test_a_batch_begun_while_its_collection_goes_is_refused_or_whole(
    archive, as_owner, shared_database
):
    id = await archive.collection()
    async with shared_database.session(archive.owner) as session:
        await session.rows("delete_collection", id)
        starting = asyncio.create_task(as_owner.ask(START, id=id, variables=RED))
        await lock_waited_for(shared_database)

    (error,) = (await starting)["startBatch"]["userErrors"]

    assert error["code"] == "CONFLICT"
    assert (await as_owner.ask("{ batches { totalCount } }"))["batches"]["totalCount"] == 0


async def test_a_list_handed_in_while_its_collection_goes_is_refused(archive, as_owner, shared_database):
    id = await archive.collection()
    async with shared_database.session(archive.owner) as session:
        await session.rows("delete_collection", id)
        updating = asyncio.create_task(update(as_owner, id, templates=[{"name": "New", "prompt": "new"}]))
        await lock_waited_for(shared_database)

    assert [each["code"] for each in (await updating)["userErrors"]] == ["NOT_FOUND"]


async def lock_waited_for(database):
    """Returns once a statement waits for another's transaction."""
    async with asyncio.timeout(10), database.connections.borrowed() as connection:
        while not await connection.fetchval("select exists (select from pg_locks where not granted)"):
            await asyncio.sleep(0.01)
