"""Pages are complete and without repeats, whatever arrives meanwhile."""

import pytest

from db.reading.map import PAGES as LISTINGS
from server.operations.schema import build_schema

PAGE = """(first: $first, after: $after) {
  totalCount nodes { id } edges { cursor node { id } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
}"""
ROOT = "query ($first: Int, $after: String) { list: %s" + PAGE + " }"
NESTED = (
    "query ($id: ID!, $first: Int, $after: String) { parent: node(id: $id) { ... on %s { list: %s"
    + PAGE
    + " } } }"
)


def query_of(field: str) -> str:
    """The query for a page of a list, by its place in the API."""
    parent, _, name = field.partition(".")
    return ROOT % name if parent == "Query" else NESTED % (parent, name)


async def page(caller, field, **variables):
    answer = await caller.ask(query_of(field), **variables)
    return answer.get("parent", answer)["list"]


async def ids_of_all_pages(caller, field, **variables):
    """Page by page; each is right about what precedes and what follows it."""
    found, after = [], None
    while True:
        got = await page(caller, field, after=after, **variables)
        ids = [edge["node"]["id"] for edge in got["edges"]]
        assert ids == [node["id"] for node in got["nodes"]]
        assert got["pageInfo"]["hasPreviousPage"] == bool(found)
        assert got["pageInfo"]["startCursor"] == got["edges"][0]["cursor"]
        assert got["pageInfo"]["endCursor"] == got["edges"][-1]["cursor"]
        found += ids
        if not got["pageInfo"]["hasNextPage"]:
            assert got["totalCount"] == len(found)
            return found
        after = got["pageInfo"]["endCursor"]


@pytest.fixture
async def filled(archive, portrait_studio):
    """25 rows for each list: the parent's id, if there is one, and the rows' ids in the list's order."""
    wide = await archive.batch(25, collection=portrait_studio)
    narrow = [await archive.batch(1) for _ in range(24)]
    images = [*wide.images, *(id for each in narrow for id in each.images)]
    return {
        "Batch.generations": (wide.batch, wide.generations),
        "Batch.images": (wide.batch, wide.images),
        "Collection.images": (portrait_studio, wide.images),
        "Query.batches": (None, [each.batch for each in reversed(narrow)] + [wide.batch]),
        "Query.images": (None, [*reversed(images[25:]), *sorted(wide.images, reverse=True)]),
    }


@pytest.mark.parametrize(
    "field",
    ["Batch.generations", "Batch.images", "Collection.images", "Query.batches", "Query.images"],
)
async def test_pages_over_a_list_are_complete_in_order_and_without_repeats(field, filled, as_owner):
    parent, expected = filled[field]

    assert await ids_of_all_pages(as_owner, field, id=parent, first=10) == expected


async def test_pages_over_collections_follow_their_names_in_any_script(archive, as_owner):
    for name in ["🌊" * 200, "я" * 200, "a", "a", "B", "Ärger", "zz top"] * 2:
        await archive.collection(name)

    found = await ids_of_all_pages(as_owner, "Query.collections", first=3)

    assert len(found) == len(set(found)) == 16


async def test_pages_over_a_collections_batches_are_newest_first(archive, as_owner, portrait_studio):
    kept = [await archive.batch(collection=portrait_studio) for _ in range(7)]

    found = await ids_of_all_pages(as_owner, "Collection.batches", id=portrait_studio, first=3)

    assert found == [each.batch for each in reversed(kept)]


async def test_rows_that_arrive_meanwhile_shift_no_page(archive, as_owner):
    there = [await archive.batch() for _ in range(5)]
    first = await page(as_owner, "Query.batches", first=2)

    new = await archive.batch()
    rest = await page(as_owner, "Query.batches", first=10, after=first["pageInfo"]["endCursor"])
    again = await page(as_owner, "Query.batches", first=1)

    assert [node["id"] for node in first["nodes"] + rest["nodes"]] == [each.batch for each in reversed(there)]
    assert [node["id"] for node in again["nodes"]] == [new.batch]


async def test_every_edge_is_a_place_to_go_on_from(archive, as_owner):
    await archive.batch(4)
    whole = await page(as_owner, "Query.images", first=100)

    for place, edge in enumerate(whole["edges"], 1):
        rest = await page(as_owner, "Query.images", first=100, after=edge["cursor"])
        assert rest["edges"] == whole["edges"][place:]


async def test_a_page_that_is_exactly_full_has_no_next(archive, as_owner):
    await archive.images(3)

    assert not (await page(as_owner, "Query.images", first=3))["pageInfo"]["hasNextPage"]


async def test_an_empty_list_has_an_empty_page(as_owner):
    got = await page(as_owner, "Query.images")

    assert got == {
        "totalCount": 0,
        "nodes": [],
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


@pytest.mark.parametrize(
    ("status", "count"), [(None, 3), (["SUCCEEDED"], 3), (["FAILED", "QUEUED"], 0), ([], 0)]
)
async def test_generations_are_narrowed_by_their_status(status, count, archive, as_owner):
    kept = await archive.batch(3)
    query = """query ($id: ID!, $status: [GenerationStatus!]) {
      batch(id: $id) { generations(status: $status) { totalCount nodes { status } } }
    }"""

    got = (await as_owner.ask(query, id=kept.batch, status=status))["batch"]["generations"]

    assert got["totalCount"] == len(got["nodes"]) == count


async def test_aliases_of_one_list_do_not_mix(archive, as_owner):
    kept = await archive.batch(3)

    answer = await as_owner.ask(
        """query ($id: ID!) { batch(id: $id) {
          one: generations(first: 1) { nodes { id } }
          two: generations(first: 2) { nodes { id } }
          none: generations(status: [FAILED]) { nodes { id } totalCount }
          all: generations { nodes { id } totalCount }
        } }""",
        id=kept.batch,
    )

    sizes = {name: len(got["nodes"]) for name, got in answer["batch"].items()}
    assert sizes == {"one": 1, "two": 2, "none": 0, "all": 3}
    assert answer["batch"]["none"]["totalCount"] == 0
    assert answer["batch"]["all"]["totalCount"] == 3


def test_every_list_of_the_api_has_its_pages_checked():
    types = build_schema()._schema.type_map.values()
    paged = {
        f"{kind.name}.{name}"
        for kind in types
        for name, field in getattr(kind, "fields", {}).items()
        if "first" in getattr(field, "args", {})
    }

    assert paged == set(LISTINGS)
