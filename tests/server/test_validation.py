"""The rules as one find what graphql-core finds by asking each about everything, in the same order."""

import gc

import pytest
from graphql import ASTValidationRule, DocumentNode, GraphQLSchema, parse, validate

from server.operations.schema import build_schema
from server.operations.validation import validated

ONE = "query Q($id: ID!) { batch(id: $id) { "
DOCUMENTS = [
    ONE + "id title images(first: 3) { nodes { name } } } }",
    "{ nothing { at { all } } batches { nodes { nothing } } }",
    ONE + "title { id } images } }",
    ONE + "title status: title status } }",
    ONE + "images(first: 1) { totalCount } images(first: 2) { totalCount } } }",
    ONE + "images(first: true, last: 2, first: 3) { totalCount } } }",
    "{ batch { id } }",
    "query Q($id: ID!, $id: ID!, $other: Nothing, $batch: Batch) { batch(id: $id) { id } }",
    "query Q($first: String) { batches(first: $first) { totalCount } batch(id: $missing) { id } }",
    "{ batches { totalCount } } { viewer { id } }",
    "query Q { batches { totalCount } } query Q { viewer { id } }",
    "subscription { a: historyUpdates { cursor } b: historyUpdates { cursor } }",
    ONE + "...Of ...Of ...None } } fragment Of on Batch { id ...Of } fragment Unused on Batch { id }",
    ONE + "...Of } } fragment Of on Collection { id } fragment Of on Nothing { id }",
    ONE + "... on Image { id } ... on String { length } ... on Node { id } } }",
    "{ batches @skip(if: 1) @skip(if: true) @nothing { totalCount @include } }",
    "query @skip(if: true) { batches { totalCount } } type Query { a: Int }",
    'mutation { startBatch(input: {title: 3, title: "x", none: 1, variants: "2"}) { batchId } }',
    "mutation { startBatch { batchId } startBatch(input: null) { batchId } }",
    "{ batches(filter: {status: NOTHING, favorite: 3}) @defer { totalCount } }",
    "query Q($id: ID) { node(id: $id) { ... on Batch { title } ... on Image { name } } }",
    "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
    "mutation { nothing } subscription S { nothing }",
    "{ " + " ".join(f"f{n}: nothing" for n in range(30)) + " }",
]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


def told(errors) -> list[tuple]:
    return [(each.message, each.locations) for each in errors]


def by_graphql_core(document: DocumentNode, schema: GraphQLSchema) -> list[tuple]:
    return told(validate(schema, document, max_errors=20, hide_suggestions=True))


@pytest.mark.parametrize("text", DOCUMENTS)
def test_the_same_is_found_in_the_same_order(text, schema):
    document = parse(text)
    assert told(validated(document, schema, most=20).errors) == by_graphql_core(document, schema)


def test_nearly_all_of_them_have_something_to_find(schema):
    assert sum(bool(by_graphql_core(parse(text), schema)) for text in DOCUMENTS) >= len(DOCUMENTS) - 2


def test_no_rule_outlives_the_validation(schema):
    """Held in a circle, it would be there until garbage is collected."""
    before = rules_alive()
    validated(parse(DOCUMENTS[0]), schema, most=20)
    assert rules_alive() == before


def rules_alive() -> int:
    return sum(isinstance(each, ASTValidationRule) for each in gc.get_objects())
