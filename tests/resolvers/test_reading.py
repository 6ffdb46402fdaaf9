"""What is the caller's own is read; what is not does not exist; without a token there is the shared alone."""

from uuid import UUID, uuid4

import pytest

NOBODYS = UUID("6d2e0175-afe7-4de2-9c26-a4e5e8f03c36")

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
BY_ID = {
    "Batch": "query ($id: ID!) { found: batch(id: $id) { id } }",
    "Image": "query ($id: ID!) { found: image(id: $id) { id } }",
    "Generation": "query ($id: ID!) { found: generation(id: $id) { id } }",
    "Collection": "query ($id: ID!) { found: collection(id: $id) { id } }",
}
EVERYTHING = """
{
  batches { nodes { id } totalCount }
  images { nodes { id } totalCount }
  collections { nodes { name shared } totalCount }
}
"""


@pytest.fixture
async def ids(archive):
    """One row of each kind, by its type."""
    collection = await archive.collection()
    kept = await archive.batch(collection=collection)
    return {
        "Batch": kept.batch,
        "Generation": kept.generations[0],
        "Image": kept.images[0],
        "Collection": collection,
    }


async def test_the_viewer_is_who_the_token_says(as_owner):
    answer = await as_owner.ask("{ viewer { id role } }")

    assert answer["viewer"] == {"id": str(as_owner.user_id), "role": "authenticated"}


@pytest.mark.parametrize("kind", BY_ID)
async def test_an_own_row_is_found_by_its_id_and_as_a_node(kind, ids, as_owner):
    found = await as_owner.ask(BY_ID[kind], id=ids[kind])
    node = await as_owner.ask(NODE, id=ids[kind].upper())

    assert found["found"]["id"] == ids[kind]
    assert node["node"] == {"__typename": kind, "id": ids[kind]}


async def test_a_template_is_a_node(as_owner, archive):
    query = (
        "query ($id: ID!) { collection(id: $id) { templates { id name prompt model parameters position } } }"
    )
    collection = await archive.collection(templates=2)

    _, template = (await as_owner.ask(query, id=collection))["collection"]["templates"]
    node = await as_owner.ask(NODE, id=template["id"])

    assert template | {"id": ""} == {
        "id": "",
        "name": "Boat 1",
        "prompt": "a {{colour}} boat",
        "model": None,
        "parameters": {},
        "position": 1,
    }
    assert node["node"]["__typename"] == "Template"


@pytest.mark.parametrize("kind", BY_ID)
async def test_a_strangers_row_and_an_absent_one_get_the_same_answer(kind, ids, as_stranger, as_anonymous):
    for caller in (as_stranger, as_anonymous):
        foreign = await caller.post(BY_ID[kind], id=ids[kind])
        absent = await caller.post(BY_ID[kind], id=str(uuid4()))
        node = await caller.post(NODE, id=ids[kind])

        assert foreign.content == absent.content
        assert foreign.json() == {"data": {"found": None}}
        assert node.json() == {"data": {"node": None}}


@pytest.mark.parametrize(
    "id", ["", "1", "batch:1", "\0", "🌊", "x" * 10_000, "6d2e0175afe74de29c26a4e5e8f03c36"]
)
async def test_an_id_that_no_row_has_finds_nothing(id, as_owner):
    for query in (*BY_ID.values(), NODE):
        answer = await as_owner.ask(query, id=id)
        assert list(answer.values()) == [None]


async def test_lists_hold_the_callers_own_rows(ids, as_owner):
    answer = await as_owner.ask(EVERYTHING)

    assert answer["batches"] == {"nodes": [{"id": ids["Batch"]}], "totalCount": 1}
    assert answer["images"] == {"nodes": [{"id": ids["Image"]}], "totalCount": 1}
    assert [each["name"] for each in answer["collections"]["nodes"]] == [
        "Harbour",
        "Portrait Studio",
        "Product Shots",
    ]


async def test_strangers_and_anonymous_callers_list_the_shared_collections_alone(
    ids, as_stranger, as_anonymous
):
    for caller in (as_stranger, as_anonymous):
        answer = await caller.ask(EVERYTHING)

        assert answer["batches"] == answer["images"] == {"nodes": [], "totalCount": 0}
        assert answer["collections"]["totalCount"] == 2
        assert all(each["shared"] for each in answer["collections"]["nodes"])


async def test_a_shared_collection_shows_each_caller_only_its_own_batches(
    archive, portrait_studio, as_owner, as_stranger, as_anonymous
):
    query = """query ($id: ID!) { collection(id: $id) {
      shared templates { name } batches { totalCount nodes { id } } images { totalCount nodes { id } }
    } }"""
    kept = await archive.batch(collection=portrait_studio)

    own = (await as_owner.ask(query, id=portrait_studio))["collection"]

    assert own["batches"] == {"totalCount": 1, "nodes": [{"id": kept.batch}]}
    assert own["images"] == {"totalCount": 1, "nodes": [{"id": kept.images[0]}]}
    for caller in (as_stranger, as_anonymous):
        foreign = (await caller.ask(query, id=portrait_studio))["collection"]
        assert foreign["shared"]
        assert len(foreign["templates"]) == 6
        assert foreign["batches"] == foreign["images"] == {"totalCount": 0, "nodes": []}


async def test_relations_lead_from_each_row_to_its_neighbours(archive, as_owner):
    collection = await archive.collection()
    kept = await archive.batch(2, collection=collection)

    answer = await as_owner.ask(
        """query ($id: ID!) { image(id: $id) {
          batch { id images { nodes { id } } generations { nodes { id images { id } imageRecordId } } }
          collection { id } generation { id position batch { id } }
        } }""",
        id=kept.images[1],
    )

    image = answer["image"]
    assert image["batch"]["id"] == image["generation"]["batch"]["id"] == kept.batch
    assert image["collection"]["id"] == collection
    assert image["generation"]["id"] == kept.generations[1]
    assert image["generation"]["position"] == 1
    assert [each["id"] for each in image["batch"]["images"]["nodes"]] == kept.images
    assert image["batch"]["generations"]["nodes"] == [
        {"id": generation, "images": [{"id": picture}], "imageRecordId": picture}
        for generation, picture in zip(kept.generations, kept.images, strict=True)
    ]


async def test_an_image_of_no_batch_has_none(archive, as_owner):
    (id,) = await archive.images(1)

    answer = await as_owner.ask(
        "query ($id: ID!) { image(id: $id) { batch { id } generation { id } collection { id } } }", id=id
    )

    assert answer["image"] == {"batch": None, "generation": None, "collection": None}


@pytest.mark.parametrize(
    ("width", "expected"),
    [(None, 400), (0, 400), (-5, 200), (1, 200), (200, 200), (201, 400), (401, 800), (99_999, 800)],
)
async def test_a_thumbnail_is_the_next_width_up(width, expected, archive, as_owner):
    (id,) = await archive.images(1)
    query = "query ($id: ID!, $width: Int) { image(id: $id) { url thumbnailUrl(width: $width) } }"

    image = (await as_owner.ask(query, id=id, width=width))["image"]

    assert image["thumbnailUrl"].partition("?")[0] == f"{image['url'].partition('?')[0]}.{expected}.webp"


async def test_the_models_are_what_can_be_asked_for(as_anonymous):
    (demo,) = (await as_anonymous.ask("{ models { name provider referenceInput inputSchema } }"))["models"]

    assert (demo["name"], demo["provider"], demo["referenceInput"]) == ("demo", "demo", "reference")
    assert demo["inputSchema"]["properties"]["width"]["maximum"] == 2048


async def test_without_a_token_there_is_no_viewer(as_anonymous):
    (error,) = await as_anonymous.errors("{ viewer { id } }")

    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "mutation",
    [
        'startBatch(input: {templates: [{name: "a", prompt: "b"}]}) { batchId }',
        "startBatch(input: {}) { userErrors { code } }",
        'generateImage(input: {prompt: "b"}) { generation { id } }',
        'createCollection(input: {name: "a", templates: [{name: "a", prompt: "b"}]}) { collection { id } }',
    ],
)
async def test_without_a_token_nothing_is_written(mutation, as_anonymous):
    answer = (await as_anonymous.post(f"mutation {{ {mutation} }}")).json()

    assert answer["data"] is None
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "UNAUTHENTICATED"}]
