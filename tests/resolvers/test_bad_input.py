"""Bad input is told by its field, or null, or refused before anything runs; it never leaves half a batch."""

import base64
import json

import pytest

START = """mutation ($input: StartBatchInput!) {
  payload: startBatch(input: $input) { made: batch { id } userErrors { field code message } }
}"""
GENERATE = """mutation ($input: GenerateImageInput!) {
  payload: generateImage(input: $input) { made: generation { id } userErrors { field code message } }
}"""
CREATE = """mutation ($input: CreateCollectionInput!) {
  payload: createCollection(input: $input) { made: collection { id } userErrors { field code message } }
}"""
BOAT = {"name": "Boat", "prompt": "a boat"}
DEEP = json.loads('{"a":' * 400 + "1" + "}" * 400)
DEEP_AND_WIDE = json.loads(f'{{"b": "{"x" * 2_400}", "a":' * 400 + "1" + "}" * 400)
"""Nearly as large as a body may be."""
NOBODYS = "6d2e0175-afe7-4de2-9c26-a4e5e8f03c36"


@pytest.fixture
def refused(as_owner, count_rows):
    """Asks for what must be refused whole; the fields refused, below `input`, with their codes."""

    async def refused(mutation, asked):
        before = await count_rows()
        payload = (await as_owner.ask(mutation, input=asked))["payload"]
        assert payload["made"] is None
        assert await count_rows() == before
        assert all(each["message"].endswith(".") for each in payload["userErrors"])
        return {(".".join(each["field"]), each["code"]) for each in payload["userErrors"]}

    return refused


def start(**asked):
    return START, {"templates": [BOAT]} | asked


def template(**asked):
    return START, {"templates": [BOAT, BOAT | asked]}


def generate(**asked):
    return GENERATE, {"prompt": "a boat"} | asked


def create(**asked):
    return CREATE, {"name": "Harbour", "templates": [BOAT]} | asked


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        (start(templates=[]), "input.templates", "REQUIRED"),
        (start(templates=None), "input.templates", "REQUIRED"),
        (start(templates=[BOAT] * 1_001), "input.templates", "TOO_MANY"),
        (start(collectionId=NOBODYS), "input.collectionId", "NOT_FOUND"),
        (start(collectionId="Portrait Studio"), "input.collectionId", "NOT_FOUND"),
        (start(collectionId="\0"), "input.collectionId", "NOT_FOUND"),
        (start(templateIds=[NOBODYS]), "input.collectionId", "REQUIRED"),
        (start(idempotencyKey=""), "input.idempotencyKey", "REQUIRED"),
        (start(idempotencyKey="x" * 201), "input.idempotencyKey", "TOO_MANY"),
        (start(idempotencyKey="nul \0"), "input.idempotencyKey", "INVALID"),
        (start(title=""), "input.title", "REQUIRED"),
        (start(title=" \t"), "input.title", "REQUIRED"),
        (start(title="x" * 10_000), "input.title", "TOO_MANY"),
        (start(title="two\nlines"), "input.title", "INVALID"),
        (start(title="nul \0"), "input.title", "INVALID"),
        (start(tags=["ok", ""]), "input.tags.1", "REQUIRED"),
        (start(tags=["x" * 51]), "input.tags.0", "TOO_MANY"),
        (start(tags=["nul \0"]), "input.tags.0", "INVALID"),
        (start(tags=list(map(str, range(51)))), "input.tags", "TOO_MANY"),
        (start(model="none"), "input.model", "NOT_FOUND"),
        (start(model=""), "input.model", "NOT_FOUND"),
        (start(model="nul \0"), "input.model", "NOT_FOUND"),
        (start(variants=0), "input.variants", "INVALID"),
        (start(variants=-1), "input.variants", "INVALID"),
        (start(variants=101), "input.variants", "INVALID"),
        (start(parameters=[]), "input.parameters", "INVALID"),
        (start(parameters="{}"), "input.parameters", "INVALID"),
        (start(parameters=0), "input.parameters", "INVALID"),
        (start(parameters=DEEP), "input.parameters", "INVALID"),
        (start(parameters=DEEP_AND_WIDE), "input.parameters", "INVALID"),
        (start(parameters={"a": "nul \0"}), "input.parameters", "INVALID"),
        (start(parameters={"nul \0": 1}), "input.parameters", "INVALID"),
        (start(parameters={"a": "x" * 900_000}), "input.parameters", "INVALID"),
        (start(parameters={"a": [[0] * 5_000] * 50}, variants=100), "input", "LIMIT_REACHED"),
        (start(variables=[1]), "input.variables", "INVALID"),
        (start(variables=DEEP), "input.variables", "INVALID"),
        (start(variables=DEEP_AND_WIDE), "input.variables", "INVALID"),
        (start(variables={"nul \0": "x"}), "input.variables", "INVALID"),
        (start(variables={"a": "x" * 10_001}), "input.variables.a", "TOO_MANY"),
        (start(variables={"a": {}}), "input.variables.a", "INVALID"),
        (start(variables={"a": True}), "input.variables.a", "INVALID"),
        (start(variables={"a": []}), "input.variables.a", "REQUIRED"),
        (start(variables={"a": "\a"}), "input.variables.a", "INVALID"),
        (start(referenceUrl=""), "input.referenceUrl", "INVALID"),
        (start(referenceUrl="http://example.org/a.png"), "input.referenceUrl", "INVALID"),
        (start(referenceUrl="https://user:secret@example.org/"), "input.referenceUrl", "INVALID"),
        (start(referenceUrl="javascript:alert(1)"), "input.referenceUrl", "INVALID"),
        (start(referenceUrl="file:///etc/passwd"), "input.referenceUrl", "INVALID"),
        (start(referenceUrl="https://example.org/" + "x" * 10_000), "input.referenceUrl", "INVALID"),
        (template(name=""), "input.templates.1.name", "REQUIRED"),
        (template(name="x" * 201), "input.templates.1.name", "TOO_MANY"),
        (template(name="nul \0"), "input.templates.1.name", "INVALID"),
        (template(prompt=""), "input.templates.1.prompt", "REQUIRED"),
        (template(prompt="x" * 10_001), "input.templates.1.prompt", "TOO_MANY"),
        (template(prompt="\x1b[2J"), "input.templates.1.prompt", "INVALID"),
        (template(prompt="a {{thing}}"), "input.variables.thing", "REQUIRED"),
        (template(model="none"), "input.templates.1.model", "NOT_FOUND"),
        (template(parameters=[]), "input.templates.1.parameters", "INVALID"),
        (template(parameters={"a": "\0"}), "input.templates.1.parameters", "INVALID"),
        (generate(prompt=""), "input.prompt", "REQUIRED"),
        (generate(prompt="x" * 10_001), "input.prompt", "TOO_MANY"),
        (generate(prompt="nul \0"), "input.prompt", "INVALID"),
        (generate(idempotencyKey=""), "input.idempotencyKey", "REQUIRED"),
        (generate(idempotencyKey="x" * 201), "input.idempotencyKey", "TOO_MANY"),
        (generate(idempotencyKey="nul \0"), "input.idempotencyKey", "INVALID"),
        (generate(name=""), "input.name", "REQUIRED"),
        (generate(name="x" * 201), "input.name", "TOO_MANY"),
        (generate(name="nul \0"), "input.name", "INVALID"),
        (generate(model="none"), "input.model", "NOT_FOUND"),
        (generate(model=""), "input.model", "NOT_FOUND"),
        (generate(collectionId=NOBODYS), "input.collectionId", "NOT_FOUND"),
        (generate(collectionId="\0"), "input.collectionId", "NOT_FOUND"),
        (generate(referenceUrl=""), "input.referenceUrl", "INVALID"),
        (generate(referenceUrl="ftp://example.org/"), "input.referenceUrl", "INVALID"),
        (generate(parameters="x"), "input.parameters", "INVALID"),
        (generate(parameters=DEEP_AND_WIDE), "input.parameters", "INVALID"),
        (generate(parameters={"a": "\0"}), "input.parameters", "INVALID"),
        (create(name=""), "input.name", "REQUIRED"),
        (create(name="x" * 201), "input.name", "TOO_MANY"),
        (create(name="nul \0"), "input.name", "INVALID"),
        (create(description="x" * 2_001), "input.description", "TOO_MANY"),
        (create(description="nul \0"), "input.description", "INVALID"),
        (create(templates=[]), "input.templates", "REQUIRED"),
        (create(templates=[BOAT] * 1_001), "input.templates", "TOO_MANY"),
        (create(templates=[BOAT | {"name": ""}]), "input.templates.0.name", "REQUIRED"),
        (create(templates=[BOAT | {"name": "nul \0"}]), "input.templates.0.name", "INVALID"),
        (create(templates=[BOAT | {"prompt": ""}]), "input.templates.0.prompt", "REQUIRED"),
        (create(templates=[BOAT | {"prompt": "x" * 10_001}]), "input.templates.0.prompt", "TOO_MANY"),
        (create(templates=[BOAT | {"model": "none"}]), "input.templates.0.model", "NOT_FOUND"),
        (create(templates=[BOAT | {"parameters": 1}]), "input.templates.0.parameters", "INVALID"),
    ],
)
async def test_what_the_caller_can_put_right_is_told_by_its_field(asked, field, code, refused):
    assert await refused(*asked) == {(field, code)}


async def test_an_image_of_a_strangers_collection_is_refused_as_one_of_an_absent_one_is(archive, as_stranger):
    foreign = await archive.collection()

    answers = [
        await as_stranger.ask(GENERATE, input={"prompt": "a boat", "collectionId": id})
        for id in (foreign, NOBODYS)
    ]

    assert answers[0] == answers[1]
    (error,) = answers[0]["payload"]["userErrors"]
    assert (error["field"], error["code"]) == (["input", "collectionId"], "NOT_FOUND")


@pytest.mark.parametrize("width", [0, -1, 1, 201, 2**31 - 1, -(2**31), None])
async def test_a_copy_of_any_width_is_one_of_those_there_are(width, archive, as_owner):
    (image,) = await archive.images(1)
    query = "query ($id: ID!, $width: Int) { image(id: $id) { thumbnailUrl(width: $width) } }"

    address = (await as_owner.ask(query, id=image, width=width))["image"]["thumbnailUrl"]

    assert any(f".{each}.webp?" in address for each in (200, 400, 800))


async def test_a_strangers_collection_is_refused_as_an_absent_one_is(archive, as_stranger):
    foreign = await archive.collection()

    answers = [
        await as_stranger.ask(START, input={"collectionId": id, "templateIds": [NOBODYS]})
        for id in (foreign, NOBODYS)
    ]

    assert answers[0] == answers[1]
    (error,) = answers[0]["payload"]["userErrors"]
    assert (error["field"], error["code"]) == (["input", "collectionId"], "NOT_FOUND")


async def test_a_template_of_another_collection_is_refused(archive, portrait_studio, refused):
    own = await archive.collection()

    assert await refused(START, {"collectionId": own, "templateIds": [portrait_studio, "x"]}) == {
        ("input.templateIds.0", "NOT_FOUND"),
        ("input.templateIds.1", "NOT_FOUND"),
    }


async def test_a_batch_above_the_limit_is_refused_whole(refused):
    asked = {
        "templates": [BOAT | {"prompt": "{{a}} {{b}}"}],
        "variables": {"a": list(range(100)), "b": list(range(101))},
    }

    assert await refused(START, asked) == {("input", "LIMIT_REACHED")}


async def test_a_prompt_that_swells_past_all_measure_is_refused(refused):
    asked = {"templates": [BOAT | {"prompt": "{{a}}" * 2_000}], "variables": {"a": "x" * 10_000}}

    assert await refused(START, asked) == {("input.variables", "TOO_MANY")}


async def test_all_that_is_wrong_is_told_at_once(refused):
    asked = {"title": "", "tags": [""], "referenceUrl": "x", "parameters": 1, "collectionId": "x"}

    assert {field for field, _ in await refused(START, asked)} == {
        "input.title",
        "input.tags.0",
        "input.referenceUrl",
        "input.parameters",
        "input.collectionId",
    }


async def test_a_reference_on_this_machine_is_for_local_mode_alone(as_owner, refused, settings_for, running):
    local = start(referenceUrl="http://127.0.0.1:9/a.png")
    with_secret = settings_for(jwt_secret="x" * 32)

    assert (await as_owner.ask(local[0], input=local[1]))["payload"]["userErrors"] == []
    async with running(with_secret, with_worker=False) as service:
        payload = (await service.caller().ask(local[0], input=local[1]))["payload"]
    assert payload["made"] is None
    assert payload["userErrors"][0]["field"] == ["input", "referenceUrl"]


@pytest.mark.parametrize(
    "value",
    [
        "1e400",
        "-1e400",
        "1" + "0" * 40,
        "9" * 5_000,
        "18446744073709551616",
        '"\\ud800"',
        '{"\\udfff": 1}',
        "NaN",
        "Infinity",
        "[" * 2_000 + "]" * 2_000,
        '{"a":' * 150_000 + "1" + "}" * 150_000,
    ],
    ids=lambda value: value[:12],
)
@pytest.mark.parametrize("name", ["parameters", "variables", "title", "tags", "collectionId", "variants"])
async def test_what_json_can_spell_and_nothing_can_hold_is_refused(name, value, as_owner, count_rows):
    before = await count_rows()
    asked = json.dumps({"templates": [BOAT], name: "?"}).replace('"?"', value)
    body = json.dumps({"query": START, "variables": {"input": "?"}}).replace('"?"', asked)

    response = await as_owner.post_raw(body.encode())

    assert response.status_code in (200, 400)
    assert "INTERNAL" not in response.text
    if not (response.status_code == 200 and (response.json()["data"] or {}).get("payload", {}).get("made")):
        assert await count_rows() == before


@pytest.mark.parametrize(
    "literal",
    [
        '"\\u0000"',
        '"\\uD83D"',
        "{a: 1e400}",
        "{a: 18446744073709551616}",
        "{a: -9223372036854775809}",
        "{a: " + "9" * 5_000 + "}",
        "{a: " * 150 + "1" + "}" * 150,
    ],
    ids=lambda literal: literal[:12],
)
async def test_literals_in_the_document_are_refused_as_variables_are(literal, as_owner, count_rows):
    before = await count_rows()
    document = (
        'mutation { payload: startBatch(input: {templates: [{name: "a", prompt: "b"}], parameters: %s}) '
    )

    response = await as_owner.post(document % literal + "{ made: batch { id } userErrors { field code } } }")

    assert response.status_code in (200, 400)
    assert "INTERNAL" not in response.text
    assert await count_rows() == before


PAGES = {
    "root": "query ($n: Int, $c: String) { batches(first: $n, after: $c) { totalCount } }",
    "default": "query ($n: Int = %s, $c: String = %s) { images(first: $n, after: $c) { totalCount } }",
    "literal": "{ collections(first: %s, after: %s) { totalCount } }",
    "nested": """query ($n: Int, $c: String) {
      batches { nodes { images(first: $n, after: $c) { totalCount } } }
    }""",
    "fragment": """
      fragment Page on Query { batches(first: $n, after: $c) { totalCount } }
      query ($n: Int = %s, $c: String = %s) { ...Page }
    """,
    "payload": """mutation ($n: Int, $c: String) {
      startBatch(input: {templates: [{name: "a", prompt: "b"}]}) {
        batch { generations(first: $n, after: $c) { totalCount } }
      }
    }""",
    "collection payload": """mutation ($n: Int, $c: String) {
      createCollection(input: {name: "a", templates: [{name: "a", prompt: "b"}]}) {
        collection { images(first: $n, after: $c) { totalCount } }
      }
    }""",
}


def cursor(*keys):
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()


@pytest.mark.parametrize("query", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize(
    ("first", "after"),
    [
        (0, None),
        (-1, None),
        (101, None),
        (2**31 - 1, None),
        (1, ""),
        (1, "x"),
        (1, "🌊"),
        (1, "A" * 5_000),
        (1, cursor()),
        (1, cursor("2026-01-01T00:00:00+00:00", NOBODYS)),
        (1, cursor("Query.templates", "2026-01-01T00:00:00+00:00", NOBODYS)),
        (1, cursor("Query.batches", "today", NOBODYS)),
        (1, cursor("Query.collections", "\ud800", NOBODYS)),
        (1, cursor("Query.collections", "nul \0", NOBODYS)),
        (1, cursor("Batch.images", 2**40, "2026-01-01T00:00:00+00:00", NOBODYS)),
    ],
)
async def test_a_page_that_no_list_has_is_refused_before_anything_runs(
    query, first, after, as_owner, count_rows
):
    before = await count_rows()
    if "%s" in query:
        response = await as_owner.post(query % (first, json.dumps(after)))
    else:
        response = await as_owner.post(query, n=first, c=after)

    assert response.status_code in (200, 400)
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert "path" not in error
    assert response.json()["data"] is None
    assert await count_rows() == before


OPERATIONS = """
  query One($n: Int) { batches(first: $n) { totalCount } }
  query Many { ...Many }
  query Other($n: Int, $status: BatchStatus!) { batch(id: "a") { ...Images } ...Running }
  fragment Images on Batch { images(first: $n) { totalCount } }
  fragment Many on Query { batches(first: 300) { totalCount } }
  fragment Running on Query { batches(filter: {status: [$status]}) { totalCount } }
"""


@pytest.mark.parametrize(
    ("name", "variables", "is_answered"),
    [
        ("One", {"n": 3}, True),
        ("One", {"n": 300}, False),
        ("Many", {}, False),
        ("Other", {"n": 300, "status": "RUNNING"}, False),
    ],
)
async def test_pages_count_in_the_operation_that_runs(name, variables, is_answered, as_owner):
    body = {"query": OPERATIONS, "operationName": name, "variables": variables}

    response = await as_owner.post_raw(json.dumps(body).encode())

    assert ("errors" not in response.json()) == is_answered


@pytest.mark.parametrize("first", [0.0, -1.0, 101.0, 1e6])
async def test_a_page_size_spelt_as_a_float_is_held_to_the_same_bounds(first, as_owner):
    (error,) = await as_owner.errors(PAGES["root"], n=first)

    assert error["extensions"] == {"code": "BAD_INPUT"}


@pytest.mark.parametrize("first", ["1", True, 1.5, [], {}, 2**31, 1e400])
async def test_a_page_size_that_is_no_integer_is_refused(first, as_owner):
    body = json.dumps({"query": PAGES["root"], "variables": {"n": first}})

    response = await as_owner.post_raw(body.encode())

    assert response.status_code == 400 or "path" not in response.json()["errors"][0]
    assert "INTERNAL" not in response.text


async def test_a_cursor_of_another_list_is_refused(archive, as_owner):
    await archive.batch()
    query = "{ batches { pageInfo { endCursor } } }"
    of_batches = (await as_owner.ask(query))["batches"]["pageInfo"]["endCursor"]

    (error,) = await as_owner.errors("query ($c: String) { images(after: $c) { totalCount } }", c=of_batches)

    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert error["message"] == "after is not a cursor of Query.images."


async def test_the_page_of_an_operation_that_does_not_run_is_nobodys_business(as_owner):
    document = "query A { models { name } } query B($n: Int) { batches(first: $n) { totalCount } }"
    body = {"query": document, "operationName": "A", "variables": {"n": 0}}

    response = await as_owner.post_raw(json.dumps(body).encode())

    assert response.json()["data"]["models"]
