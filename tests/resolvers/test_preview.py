"""previewBatch tells what startBatch would do: the two are held together, whatever is asked."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.viewer import Viewer

ITEMS = "items { position templateName prompt model parameters }"
PREVIEW = f"""query ($input: StartBatchInput!) {{
  payload: previewBatch(input: $input) {{ total {ITEMS} userErrors {{ field code message }} }}
}}"""
START = """mutation ($input: StartBatchInput!) {
  payload: startBatch(input: $input) { batchId userErrors { field code message } }
}"""
WRITTEN = """
    select position, template_name as "templateName", prompt, model, parameters from generations
    order by position
"""
BOAT = {"name": "Boat", "prompt": "a boat"}

parameters = st.sampled_from([None, {}, {"seed": 1}, {"seed": "x", "width": 64}])
models = st.sampled_from([None, "demo"])
templates = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Boat", "x" * 200]),
        "prompt": st.sampled_from(
            ["a boat", "a {{colour}} boat", "{{colour}} {{ size }} {{colour}}", "{ {{size}} } {{{size}}}"]
        ),
    },
    optional={"model": models, "parameters": parameters},
)
values = st.one_of(
    st.sampled_from(["red", 7, 2.5, "{{size}}", "{colour}"]), st.lists(st.integers(), min_size=1, max_size=4)
)
good = st.fixed_dictionaries(
    {
        "templates": st.lists(templates, min_size=1, max_size=3),
        "variables": st.fixed_dictionaries({"colour": values, "size": values}),
    },
    optional={
        "title": st.sampled_from([None, "Boats"]),
        "tags": st.sampled_from([None, ["sea", "Sea"]]),
        "collectionId": st.sampled_from([None, "own", "shared"]),
        "referenceUrl": st.sampled_from([None, "https://example.org/a.png"]),
        "model": models,
        "parameters": parameters,
        "variants": st.sampled_from([None, 1, 2, 3]),
        "idempotencyKey": st.sampled_from([None, "k"]),
    },
)
wrong: list[dict[str, Any]] = [
    {"templates": []},
    {"templates": [BOAT | {"name": ""}, BOAT | {"prompt": "\x1b"}]},
    {"templates": [BOAT | {"prompt": "{{unknown}}"}, BOAT | {"model": "none"}]},
    {"templates": [BOAT | {"parameters": "{}"}]},
    {"variables": None},
    {"variables": {"colour": [], "size": "\0"}},
    {"variables": {"colour": {}}},
    {"variables": 1},
    {"title": "", "tags": [""], "referenceUrl": "ftp://example.org/", "model": "none"},
    {"parameters": {"nul \0": 1}},
    {"collectionId": "absent", "templateIds": ["first"]},
    {"collectionId": "own", "templateIds": ["first", "absent"]},
    {"collectionId": None, "templateIds": ["first"]},
    {"variants": 0},
    {"variants": 100},
    {"idempotencyKey": ""},
]
overrides = st.one_of(
    st.just({}),
    st.just({"collectionId": "own", "templateIds": ["first"]}),
    st.just({"collectionId": "shared", "templates": None}),
    st.sampled_from(wrong),
)
inputs = st.builds(lambda asked, other: asked | other, good, overrides)


@pytest.fixture
def ask(answer):
    """Asks as this user, with limits as given."""

    async def ask(viewer: Viewer, document: str, asked: dict[str, Any], **limits: int) -> Any:
        return (await answer(viewer, document, {"input": asked}, **limits))["data"]["payload"]

    return ask


@pytest.fixture
def somebody(shared_database):
    """A user with a collection of two templates; its id and that of its first template."""

    async def somebody() -> tuple[Viewer, str, str]:
        viewer = Viewer(user_id=uuid4(), role="authenticated")
        async with shared_database.session(viewer) as session:
            row = await session.one("insert_collection", "Harbour", None)
            kept = [
                BOAT | {"parameters": {"seed": 3}},
                {"name": "Sea", "prompt": "{{size}}", "parameters": {}},
            ]
            await session.rows("insert_templates", row["id"], kept)
            first, _ = await session.rows("templates_of_collections", [row["id"]])
        return viewer, str(row["id"]), str(first["id"])

    return somebody


@given(asked=inputs, max_batch=st.sampled_from([5, 100]), max_queued=st.sampled_from([3, 100]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_startbatch_does_what_previewbatch_has_told(
    asked, max_batch, max_queued, ask, somebody, portrait_studio, shared_database
):
    viewer, collection, template = await somebody()
    ids = {"own": collection, "shared": portrait_studio, "first": template}
    asked = dict(asked)
    if asked.get("collectionId"):
        asked["collectionId"] = ids.get(asked["collectionId"], asked["collectionId"])
    if asked.get("templateIds"):
        asked["templateIds"] = [ids.get(each, each) for each in asked["templateIds"]]
    limits = {"max_batch": max_batch, "max_queued": max_queued}

    told = await ask(viewer, PREVIEW, asked, **limits)
    done = await ask(viewer, START, asked, **limits)

    assert told["userErrors"] == done["userErrors"]
    assert told["total"] == len(told["items"])
    async with shared_database.session(viewer) as session:
        written = await session.connection.fetch(WRITTEN)
    assert told["items"] == [dict(row) for row in written]
    assert bool(written) == bool(done["batchId"]) == (not done["userErrors"])


async def preview(caller, **asked):
    return (await caller.ask(PREVIEW, input={"templates": [BOAT]} | asked))["payload"]


async def test_nothing_is_done(as_owner, count_rows):
    before = await count_rows()

    payload = await preview(as_owner, variants=2, idempotencyKey="k", parameters={"seed": 5})

    assert payload["items"] == [
        {
            "position": place,
            "templateName": "Boat",
            "prompt": "a boat",
            "model": "demo",
            "parameters": {"seed": 5},
        }
        for place in range(2)
    ]
    assert await count_rows() == before


async def test_a_key_that_has_begun_a_batch_begins_no_other(as_owner):
    await as_owner.ask(START, input={"templates": [BOAT], "idempotencyKey": "k"})

    same = await preview(as_owner, idempotencyKey="k")
    other = await preview(as_owner, idempotencyKey="k", variants=2)

    assert same == {"total": 0, "items": [], "userErrors": []}
    assert [each["code"] for each in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_what_waits_already_counts(as_owner, ask):
    viewer = Viewer(user_id=as_owner.user_id, role="authenticated")
    await as_owner.ask(START, input={"templates": [BOAT], "variants": 5})

    answers = [
        await ask(viewer, PREVIEW, {"templates": [BOAT], "variants": count}, max_queued=7) for count in (2, 3)
    ]

    assert [answer["total"] for answer in answers] == [2, 0]
    assert answers[1]["userErrors"][0]["code"] == "LIMIT_REACHED"


async def test_a_strangers_collection_is_refused_as_an_absent_one_is(archive, as_stranger):
    foreign = await archive.collection()

    answers = [await preview(as_stranger, collectionId=id) for id in (foreign, str(uuid4()))]

    assert answers[0] == answers[1]
    assert answers[0]["userErrors"][0]["field"] == ["input", "collectionId"]


async def test_without_a_token_there_is_no_preview(as_anonymous):
    (error,) = await as_anonymous.errors(PREVIEW, input={"templates": [BOAT]})

    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_largest_batch_is_previewed_whole_and_holds_nobody_up(ask, archive):
    many = {"templates": [BOAT | {"prompt": "boat {{n}}"}], "variables": {"n": list(range(100))}}
    previewing = asyncio.create_task(ask(archive.owner, PREVIEW, many | {"variants": 100}, max_batch=10_000))
    turns = 0
    while not previewing.done():
        await asyncio.sleep(0)
        turns += 1

    items = previewing.result()["items"]
    assert [each["position"] for each in items] == list(range(10_000))
    assert items[-1]["prompt"] == "boat 99"
    assert turns > 100


async def test_one_request_previews_one_largest_batch_and_no_more(as_owner):
    document = """query ($input: StartBatchInput!) {
      a: previewBatch(input: $input) { total } b: previewBatch(input: $input) { total }
    }"""
    half, more = ({"templates": [BOAT] * count, "variants": 100} for count in (50, 51))

    assert (await as_owner.ask(document, input=half))["b"] == {"total": 5_000}
    (error,) = await as_owner.errors(document, input=more)

    assert error["extensions"]["code"] == "DOCUMENT_TOO_LARGE"
