"""Old work is found: by words, by what it is, in the trash."""

import pytest

BATCHES = "query ($filter: BatchFilter) { batches(filter: $filter) { totalCount nodes { id } } }"
IMAGES = "query ($filter: ImageFilter) { images(filter: $filter) { totalCount nodes { id } } }"
COLLECTIONS = "query ($filter: CollectionFilter) { collections(filter: $filter) { nodes { name } } }"


@pytest.fixture
def found(as_owner):
    """The ids of the list that the filter leaves."""

    async def found(query, **filter):
        (page,) = (await as_owner.ask(query, filter=filter)).values()
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    return found


@pytest.fixture
async def ships(archive):
    """A batch of images, all named "A boat", of the prompt "a boat"."""
    return await archive.batch(2, title="Ships' graveyard: l'Étoile")


@pytest.fixture
async def collected(archive):
    """The same in a collection that is called Harbour."""
    collection = await archive.collection()
    return collection, await archive.batch(1, title="Evening", collection=collection)


@pytest.mark.parametrize(
    "search",
    [
        "ships",
        "SHIP",
        "grave étoi",
        "boat",
        "bo",
        "graveyard boat",
        "ships'",
        "l'étoile",
        "  ",
        "",
        "!?",
        "a & b | c:*",
    ],
)
async def test_a_batch_is_found_by_the_beginnings_of_its_words(search, found, ships):
    expected = [] if search == "a & b | c:*" else [ships.batch]
    assert await found(BATCHES, search=search) == expected


@pytest.mark.parametrize("search", ["yard", "ships car", "a\\xy", "%", "_", "'"])
async def test_a_batch_is_not_found_by_what_no_word_of_it_begins_with(search, found, ships):
    expected = [ships.batch] if search in {"%", "_", "'"} else []
    assert await found(BATCHES, search=search) == expected


async def test_a_batch_is_found_by_its_collection_and_by_words_of_both(found, ships, collected):
    _, evening = collected

    assert await found(BATCHES, search="harb") == [evening.batch]
    assert await found(BATCHES, search="evening harbour boat") == [evening.batch]
    assert await found(BATCHES, search="boat") == [evening.batch, ships.batch]


async def test_images_are_found_by_their_words(found, ships, archive):
    (alone,) = await archive.images(1)

    assert set(await found(IMAGES, search="boa")) == {*ships.images, alone}
    assert await found(IMAGES, search="graveyard") == []


async def test_images_of_a_batch_come_in_its_own_order(found, ships, archive):
    await archive.images(1)

    assert await found(IMAGES, batchId=ships.batch) == ships.images


async def test_images_are_told_apart_by_whether_a_batch_made_them(found, ships, archive):
    (alone,) = await archive.images(1)

    assert await found(IMAGES, standalone=True) == [alone]
    assert set(await found(IMAGES, standalone=False)) == set(ships.images)


async def test_a_list_is_narrowed_to_a_collection(found, ships, collected):
    collection, evening = collected

    assert await found(BATCHES, collectionId=collection) == [evening.batch]
    assert await found(IMAGES, collectionId=collection) == evening.images
    assert await found(BATCHES, collectionId="no id") == []


async def test_a_cursor_of_one_order_is_none_of_the_other(as_owner, ships):
    query = """query ($filter: ImageFilter, $after: String) {
      images(first: 1, filter: $filter, after: $after) { pageInfo { endCursor } } }"""
    of_batch = {"batchId": ships.batch}
    after = (await as_owner.ask(query, filter=of_batch))["images"]["pageInfo"]["endCursor"]

    await as_owner.ask(query, filter=of_batch, after=after)
    answer = (await as_owner.post(query, after=after)).json()

    assert answer["errors"][0]["extensions"] == {"code": "BAD_INPUT"}


@pytest.mark.parametrize(
    ("filter", "finds"),
    [
        ({"status": ["SUCCEEDED", "FAILED"]}, True),
        ({"status": ["FAILED"]}, False),
        ({"status": []}, False),
        ({"model": "demo"}, True),
        ({"model": "dem"}, False),
        ({"tags": []}, True),
        ({"tags": ["sea"]}, False),
        ({"favorite": False}, True),
        ({"favorite": True}, False),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, True),
        ({"createdAfter": "2200-01-01T00:00:00+14:00"}, False),
        ({"createdBefore": "9999-01-01T00:00:00Z"}, True),
        ({"createdBefore": "0001-01-01T00:00:00Z"}, False),
        ({"deleted": False}, True),
        ({"deleted": True}, False),
        ({"status": None, "search": None, "deleted": None}, True),
    ],
)
async def test_a_filter_of_batches_leaves_what_it_says(filter, finds, found, ships):
    assert await found(BATCHES, **filter) == ([ships.batch] if finds else [])


async def test_collections_are_found_by_words_and_by_whose_they_are(as_owner, archive):
    await archive.collection("Harbour at dusk")

    async def names(**filter):
        return [
            each["name"] for each in (await as_owner.ask(COLLECTIONS, filter=filter))["collections"]["nodes"]
        ]

    assert await names(search="dusk harb") == ["Harbour at dusk"]
    assert await names(shared=False) == ["Harbour at dusk"]
    assert "Harbour at dusk" not in await names(shared=True)


@pytest.mark.parametrize("whose", ["as_stranger", "as_anonymous"])
async def test_nothing_is_found_in_anothers_history(whose, request, ships):
    caller = request.getfixturevalue(whose)

    assert (await caller.ask(BATCHES, filter={"search": "ships"}))["batches"]["nodes"] == []
    assert (await caller.ask(IMAGES, filter={"batchId": ships.batch}))["images"]["nodes"] == []


@pytest.mark.parametrize(
    "filter",
    [
        {"search": "\0"},
        {"search": "a" * 501},
        {"search": "\x01"},
        {"model": "\0"},
        {"tags": ["\0"]},
        {"tags": ["a"] * 101},
        {"createdAfter": "yesterday"},
        {"createdAfter": "2026-01-01T00:00:00"},
        {"createdAfter": "9999-12-31T23:59:59-14:00"},
        {"createdAfter": 5},
        {"status": ["DONE"]},
        {"favorite": "yes"},
        {"unknown": 1},
    ],
    ids=str,
)
async def test_a_filter_that_cannot_be_used_is_a_clear_error(filter, as_owner):
    answer = (await as_owner.post(BATCHES, filter=filter)).json()

    assert answer["data"] is None
    assert "INTERNAL" not in str(answer["errors"])
