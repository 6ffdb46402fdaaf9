"""A batch, an image, a collection: what is asked for is what is written."""

import re

import pytest

START = """mutation ($input: StartBatchInput!) { startBatch(input: $input) {
  batchId userErrors { field code message }
  batch {
    id title status model referenceUrl parameters variables tags favorite cursor collection { id }
    counts { total queued running succeeded failed canceled saved }
    generations { nodes { position templateId templateName prompt model status attempts saved batch { id } } }
  }
} }"""
GENERATE = """mutation ($input: GenerateImageInput!) { generateImage(input: $input) {
  userErrors { field code }
  generation { id status position prompt model templateId templateName batch { id } imageUrl images { id } }
} }"""
CREATE = """mutation ($input: CreateCollectionInput!) { createCollection(input: $input) {
  userErrors { field code message }
  collection { id name description shared templates { name prompt model parameters position } }
} }"""


@pytest.fixture
def start(as_owner):
    async def start(**asked):
        payload = (await as_owner.ask(START, input=asked))["startBatch"]
        assert payload["userErrors"] == []
        assert payload["batchId"] == payload["batch"]["id"]
        return payload["batch"]

    return start


@pytest.fixture
def create(as_owner):
    async def create(*prompts, **asked):
        templates = [{"name": f"No {place}", "prompt": prompt} for place, prompt in enumerate(prompts)]
        asked = {"name": "Harbour", "templates": templates} | asked
        payload = (await as_owner.ask(CREATE, input=asked))["createCollection"]
        assert payload["userErrors"] == []
        return payload["collection"]

    return create


def generations(batch, *fields):
    return [tuple(each[name] for name in fields) for each in batch["generations"]["nodes"]]


async def test_a_batch_is_accepted_whole_before_anything_is_made(start):
    batch = await start(templates=[{"name": "Boat", "prompt": "a boat"}], variants=3)

    assert batch["status"] == "QUEUED"
    assert batch["counts"] == dict.fromkeys(("running", "succeeded", "failed", "canceled", "saved"), 0) | {
        "total": 3,
        "queued": 3,
    }
    assert generations(batch, "position", "templateName", "status", "saved") == [
        (place, "Boat", "QUEUED", False) for place in range(3)
    ]
    assert all(each["batch"]["id"] == batch["id"] for each in batch["generations"]["nodes"])


async def test_all_that_is_given_is_kept(start):
    batch = await start(
        title="Ünïcödé 🌊",
        tags=["sea", "sky", "sea"],
        referenceUrl="https://example.org/a.png?b=c",
        model="demo",
        parameters={"width": 64, "seed": 5, "nested": {"list": [1, None, 2.5]}},
        variables={"thing": "boat"},
        templates=[{"name": "Boat", "prompt": "a {{thing}}"}],
    )

    assert batch["title"] == "Ünïcödé 🌊"
    assert batch["tags"] == ["sea", "sky"]
    assert batch["referenceUrl"] == "https://example.org/a.png?b=c"
    assert batch["parameters"] == {"width": 64, "seed": 5, "nested": {"list": [1, None, 2.5]}}
    assert batch["variables"] == {"thing": "boat"}
    assert generations(batch, "prompt", "model") == [("a boat", "demo")]


async def test_a_collections_templates_come_in_its_order_before_those_written_on_the_spot(create, start):
    collection = await create("one", "two")

    batch = await start(
        collectionId=collection["id"], templates=[{"name": "Mine", "prompt": "three"}], variants=1
    )

    assert batch["collection"]["id"] == collection["id"]
    assert generations(batch, "templateName", "prompt") == [
        ("No 0", "one"),
        ("No 1", "two"),
        ("Mine", "three"),
    ]


async def test_named_templates_come_in_the_collections_order(create, start, as_owner):
    collection = await create("one", "two", "three")
    query = "query ($id: ID!) { collection(id: $id) { templates { id } } }"
    ids = [each["id"] for each in (await as_owner.ask(query, id=collection["id"]))["collection"]["templates"]]

    batch = await start(collectionId=collection["id"], templateIds=[ids[2], ids[0], ids[2].upper()])

    assert generations(batch, "templateId", "prompt") == [(ids[0], "one"), (ids[2], "three")]


async def test_a_shared_collection_can_be_started_by_everybody(portrait_studio, start):
    batch = await start(collectionId=portrait_studio)

    assert batch["counts"]["total"] == 6


async def test_the_title_is_the_collections_name_and_the_time_by_default(create, start):
    collection = await create("one", name="я" * 200)

    with_collection = await start(collectionId=collection["id"])
    without = await start(templates=[{"name": "a", "prompt": "b"}])

    assert re.fullmatch(r"я{170}, \d{4}-\d\d-\d\d \d\d:\d\d", with_collection["title"])
    assert re.fullmatch(r"Batch, \d{4}-\d\d-\d\d \d\d:\d\d", without["title"])


async def test_variables_and_variants_multiply_in_order(start):
    batch = await start(
        templates=[{"name": "Boat", "prompt": "a {{colour}} boat"}],
        variables={"colour": ["red", 7], "unused": ["x", "y"]},
        variants=2,
    )

    assert generations(batch, "prompt") == [("a red boat",)] * 2 + [("a 7 boat",)] * 2


async def test_a_null_is_as_good_as_nothing_given(start):
    names = ("title", "tags", "collectionId", "templateIds", "referenceUrl", "model", "variables", "variants")

    batch = await start(**dict.fromkeys(names), templates=[{"name": "a", "prompt": "b", "parameters": None}])

    assert (batch["model"], batch["tags"], batch["variables"], batch["counts"]["total"]) == (
        "demo",
        [],
        {},
        1,
    )


async def test_a_largest_batch_is_accepted(start):
    batch = await start(
        templates=[{"name": "Boat", "prompt": "boat {{number}}"}],
        variables={"number": list(range(100))},
        variants=100,
    )

    assert batch["counts"]["total"] == 10_000


async def test_an_image_is_made_outside_any_batch(as_owner):
    asked = {"prompt": "a boat\nat dawn, with a very long list of further words"}

    payload = (await as_owner.ask(GENERATE, input=asked))["generateImage"]

    assert payload["userErrors"] == []
    assert payload["generation"] | {"id": ""} == {
        "id": "",
        "status": "QUEUED",
        "position": 0,
        "prompt": asked["prompt"],
        "model": "demo",
        "templateId": None,
        "templateName": "a boat at dawn, with a very long",
        "batch": None,
        "imageUrl": None,
        "images": [],
    }


async def test_an_images_name_and_collection_are_kept(create, as_owner):
    collection = await create("one")
    asked = {"prompt": "a boat", "name": "Mine", "collectionId": collection["id"]}

    generation = (await as_owner.ask(GENERATE, input=asked))["generateImage"]["generation"]

    assert generation["templateName"] == "Mine"


async def test_a_collection_keeps_its_templates_in_order(create):
    templates = [
        {"name": "Dawn", "prompt": "a {{thing}}\nat dawn", "model": "demo", "parameters": {"seed": 1}},
        {"name": "Dawn", "prompt": "again"},
    ]

    collection = await create(templates=templates, description="")

    assert collection | {"id": ""} == {
        "id": "",
        "name": "Harbour",
        "description": "",
        "shared": False,
        "templates": [
            templates[0] | {"position": 0},
            templates[1] | {"model": None, "parameters": {}, "position": 1},
        ],
    }


async def test_a_made_image_can_be_fetched_by_its_signed_address(shared_service):
    ada = shared_service.caller()
    small = {"width": 64, "height": 64, "seconds": 0}
    asked = {"templates": [{"name": "Boat", "prompt": "a boat"}], "parameters": small}
    batch_id = (await ada.ask(START, input=asked))["startBatch"]["batchId"]
    await ada.finished(batch_id)

    query = "query ($id: ID!) { batch(id: $id) { images { nodes { name url thumbnailUrl width height } } } }"
    (image,) = (await ada.ask(query, id=batch_id))["batch"]["images"]["nodes"]
    picture, thumbnail = await ada.get(image["url"]), await ada.get(image["thumbnailUrl"])

    assert (image["name"], image["width"], image["height"]) == ("Boat", 64, 64)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/webp")
