"""The pipeline of every operation: what is done once is not done again, and fails the same on both ways."""

import json
from dataclasses import replace

import pytest

from db.session import open_database
from engine.viewer import ANONYMOUS
from resolvers.context import Context, Services
from server.operations.documents import MOST_ERRORS
from server.operations.errors import RefusedError
from server.operations.pipeline import Operation, Pipeline
from worker.fakes import QuietHints

SERVICES = Services(
    database=None,
    hints=QuietHints(),
    signer=list,
    uploads=None,
    providers=[],
    default_model="demo",
    max_batch=100,
    max_queued=20_000,
    max_running=100,
    loopback_references=False,
)
NOWHERE = "postgresql://somebody:password@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def pipeline():
    return Pipeline()


def asked(pipeline, query, **variables):
    return pipeline.prepare(Operation(query=query, variables=variables), Context(ANONYMOUS, None))


def plan(pipeline, query, **variables):
    it = asked(pipeline, query, **variables)
    return pipeline.plans.find(it.document, it.operation, it.variables)


def test_a_document_that_comes_again_is_neither_read_nor_validated_again(pipeline):
    first, second = (asked(pipeline, "{ __typename }").document for _ in range(2))

    assert first is second
    assert first.errors is second.errors


BATCH = "query ($id: ID!, $with: Boolean!) { batch(id: $id) { id title @include(if: $with) } }"


def test_an_operation_that_comes_again_in_the_same_form_is_not_compiled_again(pipeline):
    assert plan(pipeline, BATCH, id="a", **{"with": True}) is plan(pipeline, BATCH, id="b", **{"with": True})


def test_another_form_of_the_variables_is_another_plan(pipeline):
    assert plan(pipeline, BATCH, id="a", **{"with": True}) is not plan(
        pipeline, BATCH, id="a", **{"with": False}
    )


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { queryType { name } } }",
        "{ models { name } }",
        "{ viewer { id } batches { totalCount } }",
        "{ batches @skip(if: true) { totalCount } }",
    ],
)
def test_what_the_compiler_does_not_know_has_no_plan(query, pipeline):
    assert plan(pipeline, query) is None
    assert pipeline.plans.fallbacks == 0


def test_a_directive_whose_variable_is_null_is_no_failure_to_compile():
    pipeline = Pipeline()
    query = "query ($with: Boolean = true) { batch(id: 1) { id @include(if: $with) } }"

    assert plan(pipeline, query, **{"with": None}) is None
    assert pipeline.plans.fallbacks == 0


PREVIEW = "query ($input: StartBatchInput!) { previewBatch(input: $input) { total } }"


def test_nothing_is_kept_of_the_variables_of_what_has_no_plan():
    pipeline = Pipeline()

    assert plan(pipeline, PREVIEW, input={"parameters": {f"p{n}": n for n in range(1_000)}}) is None
    assert not pipeline.plans._plans


def test_variables_that_are_wrong_in_very_many_places_are_refused_in_a_few_words(pipeline):
    query = "query ($status: [BatchStatus!]) { batches(filter: {status: $status}) { totalCount } }"

    with pytest.raises(RefusedError) as refusal:
        asked(pipeline, query, status=["x"] * 10_000)

    assert len(refusal.value.errors) <= MOST_ERRORS + 1


PAGES = "query ($n: Int = 1) { batches(first: 100) { nodes { generations(first: $n) { totalCount } } } }"


def test_null_for_the_length_of_a_page_costs_as_much_as_the_page_that_comes(pipeline):
    document = asked(pipeline, PAGES).document
    own, few, fields_own = (document.size(each).cost for each in ({}, {"n": 2}, {"n": None}))

    assert own < few < fields_own


def test_variables_that_no_operation_declares_are_not_measured(pipeline):
    document = asked(pipeline, PAGES).document

    assert document.size({f"v{n}": n for n in range(100)}) is document.size({})


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ('{ batch(id: "a") { id } }', {"batch": None}),
        ('{ a: batch(id: "a") { id } b: image(id: "a") { id } }', {"a": None, "b": None}),
        ('{ batch(id: "a") { id } batches { totalCount } }', None),
        ('{ batch(id: "a") { id } __typename }', {"batch": None, "__typename": "Query"}),
    ],
)
async def test_a_database_that_is_away_is_an_error_at_each_field(query, data, pipeline):
    async with open_database(NOWHERE) as database:
        services = replace(SERVICES, database=database)
        context = Context(ANONYMOUS, services)
        answer = json.loads(await pipeline.answer(asked(pipeline, query), context))

    assert answer["data"] == data
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}


async def test_a_database_that_is_away_is_waited_for_once(pipeline):
    database = Away()
    context = Context(ANONYMOUS, replace(SERVICES, database=database))
    answer = json.loads(
        await pipeline.answer(
            asked(pipeline, '{ a: batch(id: "a") { id } b: image(id: "a") { id } }'), context
        )
    )

    assert [error["path"] for error in answer["errors"]] == [["a"], ["b"]]
    assert database.reads == 1


class Away:
    """A database that nobody gets through to."""

    reads = 0

    async def read(self, *_: object) -> None:
        self.reads += 1
        raise TimeoutError
