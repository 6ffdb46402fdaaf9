"""Bad input of what changes things that are there: told by its field, and nothing is changed."""

import pytest

REGENERATE = """mutation ($input: RegenerateBatchInput!) {
  payload: regenerateBatch(input: $input) { batch { id } userErrors { field code message } }
}"""
UPDATE_BATCH = """mutation ($input: UpdateBatchInput!) {
  payload: updateBatch(input: $input) { batch { id } userErrors { field code message } }
}"""
UPDATE_IMAGE = """mutation ($input: UpdateImageInput!) {
  payload: updateImage(input: $input) { image { id } userErrors { field code message } }
}"""
UPDATE_COLLECTION = """mutation ($input: UpdateCollectionInput!) {
  payload: updateCollection(input: $input) { collection { id } userErrors { field code message } }
}"""
ALL = """{
  batches { nodes { id title favorite tags cursor deletedAt counts { queued } } }
  images { nodes { id name favorite deletedAt } }
  collections { nodes { id name description templates { id name prompt } } }
}"""
TEMPLATE = {"name": "Boat", "prompt": "a boat"}
NOBODYS = "0a5c1e00-0000-7000-8000-00000000dead"
NO_IDS = ["", " ", "x", "\0", "x" * 10_000, NOBODYS, NOBODYS.replace("-", ""), f"{{{NOBODYS}}}", "0"]
ON_AN_ID = {
    "cancelBatch": "batch",
    "pauseBatch": "batch",
    "resumeBatch": "batch",
    "retryBatch": "batch",
    "deleteBatch": "batch",
    "restoreBatch": "batch",
    "cancelGeneration": "generation",
    "retryGeneration": "generation",
    "deleteCollection": "collection",
}


def regenerate(**asked):
    return REGENERATE, "batch", asked


def batch(**asked):
    return UPDATE_BATCH, "batch", asked


def image(**asked):
    return UPDATE_IMAGE, "image", asked


def collection(**asked):
    return UPDATE_COLLECTION, "collection", asked


def template(**asked):
    return collection(templates=[TEMPLATE, TEMPLATE | asked])


@pytest.fixture
async def there(archive):
    """The ids of what is there, by kind."""
    of = await archive.collection()
    kept = await archive.batch(1, collection=of)
    return {"batch": kept.batch, "image": kept.images[0], "generation": kept.generations[0], "collection": of}


def of(kind, document):
    """The name of the id in the document's input."""
    return "batchId" if document == REGENERATE else "id"


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        (regenerate(generationIds=[NOBODYS]), "generationIds.0", "NOT_FOUND"),
        (regenerate(generationIds=["\0"]), "generationIds.0", "NOT_FOUND"),
        (regenerate(generationIds=["x"] * 3), "generationIds.2", "NOT_FOUND"),
        (regenerate(onlyFailed=True), "batchId", "CONFLICT"),
        (regenerate(idempotencyKey=""), "idempotencyKey", "REQUIRED"),
        (regenerate(idempotencyKey="x" * 201), "idempotencyKey", "TOO_MANY"),
        (regenerate(idempotencyKey="nul \0"), "idempotencyKey", "INVALID"),
        (regenerate(title=""), "title", "REQUIRED"),
        (regenerate(title="x" * 201), "title", "TOO_MANY"),
        (regenerate(title="nul \0"), "title", "INVALID"),
        (regenerate(referenceUrl=""), "referenceUrl", "INVALID"),
        (regenerate(referenceUrl="file:///etc/passwd"), "referenceUrl", "INVALID"),
        (regenerate(model=""), "model", "NOT_FOUND"),
        (regenerate(model="none"), "model", "NOT_FOUND"),
        (regenerate(parameters=[]), "parameters", "INVALID"),
        (regenerate(parameters={"a": "\0"}), "parameters", "INVALID"),
        (batch(title=""), "title", "REQUIRED"),
        (batch(title=" \t"), "title", "REQUIRED"),
        (batch(title="x" * 201), "title", "TOO_MANY"),
        (batch(title="two\nlines"), "title", "INVALID"),
        (batch(title="nul \0"), "title", "INVALID"),
        (batch(tags=["ok", ""]), "tags.1", "REQUIRED"),
        (batch(tags=["x" * 51]), "tags.0", "TOO_MANY"),
        (batch(tags=["\x1b"]), "tags.0", "INVALID"),
        (batch(tags=list(map(str, range(51)))), "tags", "TOO_MANY"),
        (image(name=""), "name", "REQUIRED"),
        (image(name="x" * 201), "name", "TOO_MANY"),
        (image(name="two\nlines"), "name", "INVALID"),
        (image(name="nul \0"), "name", "INVALID"),
        (collection(name=""), "name", "REQUIRED"),
        (collection(name="x" * 201), "name", "TOO_MANY"),
        (collection(name="nul \0"), "name", "INVALID"),
        (collection(description="x" * 2_001), "description", "TOO_MANY"),
        (collection(description="nul \0"), "description", "INVALID"),
        (collection(templates=[]), "templates", "REQUIRED"),
        (collection(templates=[TEMPLATE] * 1_001), "templates", "TOO_MANY"),
        (template(name=""), "templates.1.name", "REQUIRED"),
        (template(name="x" * 201), "templates.1.name", "TOO_MANY"),
        (template(prompt=""), "templates.1.prompt", "REQUIRED"),
        (template(prompt="x" * 10_001), "templates.1.prompt", "TOO_MANY"),
        (template(prompt="nul \0"), "templates.1.prompt", "INVALID"),
        (template(model="none"), "templates.1.model", "NOT_FOUND"),
        (template(parameters=[]), "templates.1.parameters", "INVALID"),
        (template(parameters={"nul \0": 1}), "templates.1.parameters", "INVALID"),
    ],
)
async def test_what_the_caller_can_put_right_is_told_by_its_field(asked, field, code, there, as_owner):
    document, kind, given = asked
    before = await as_owner.ask(ALL)

    payload = (await as_owner.ask(document, input={of(kind, document): there[kind]} | given))["payload"]

    told = payload["userErrors"][-1]
    assert (told["field"], told["code"]) == (["input", *field.split(".")], code)
    assert await as_owner.ask(ALL) == before


@pytest.mark.parametrize("document", [REGENERATE, UPDATE_BATCH, UPDATE_IMAGE, UPDATE_COLLECTION])
async def test_an_id_in_an_input_that_is_nobodys_is_not_found(document, there, as_owner, as_stranger):
    name = of(None, document)
    kind = {UPDATE_IMAGE: "image", UPDATE_COLLECTION: "collection"}.get(document, "batch")

    answers = [(await as_owner.ask(document, input={name: id}))["payload"] for id in NO_IDS]
    answers.append((await as_stranger.ask(document, input={name: there[kind]}))["payload"])

    (error,) = answers[0]["userErrors"]
    assert (error["field"], error["code"]) == (["input", name], "NOT_FOUND")
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("field", ON_AN_ID)
async def test_an_id_that_is_nobodys_is_not_found(field, there, as_owner, as_stranger):
    document = (
        f"mutation ($id: ID!) {{ payload: {field}(id: $id) {{ userErrors {{ field code message }} }} }}"
    )

    answers = [await as_owner.ask(document, id=id) for id in NO_IDS]
    answers.append(await as_stranger.ask(document, id=there[ON_AN_ID[field]]))

    (error,) = answers[0]["payload"]["userErrors"]
    assert (error["field"], error["code"]) == (["id"], "NOT_FOUND")
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("field", ["node", "batch", "image", "generation", "collection"])
async def test_what_is_read_by_an_id_that_is_nobodys_is_null(field, there, as_owner, as_stranger):
    document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"

    answers = [await as_owner.ask(document, id=id) for id in NO_IDS]
    answers += [await as_stranger.ask(document, id=id) for id in there.values()]

    assert all(answer == {field: None} for answer in answers)
