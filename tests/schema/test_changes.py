"""What has changed since the last release: nothing that a client of that would notice.

At a release: cp schema/schema.graphql schema/released.graphql
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

import schema

FOLDER = Path(schema.__file__).parent
EXPECTED = {"OPTIONAL_ARG_ADDED", "OPTIONAL_INPUT_FIELD_ADDED", "VALUE_ADDED_TO_ENUM"}
"""Dangerous to graphql-core, while our clients are told that arguments, fields and values may be added."""


def breaking(before: GraphQLSchema, after: GraphQLSchema) -> Sequence[str]:
    return [f"{each.type.name}: {each.description}" for each in find_breaking_changes(before, after)]


def dangerous(before: GraphQLSchema, after: GraphQLSchema) -> Sequence[str]:
    changes = find_dangerous_changes(before, after)
    return [f"{each.type.name}: {each.description}" for each in changes if each.type.name not in EXPECTED]


@pytest.fixture(scope="module")
def released() -> GraphQLSchema:
    return build_schema((FOLDER / "released.graphql").read_text())


@pytest.fixture(scope="module")
def current() -> GraphQLSchema:
    return build_schema((FOLDER / "schema.graphql").read_text())


def test_nothing_breaks_a_client_of_the_last_release(released, current):
    assert breaking(released, current) == []


def test_nothing_changes_its_meaning_under_a_client_of_the_last_release(released, current):
    assert dangerous(released, current) == []


def test_a_change_is_called_by_its_name(released):
    text = (FOLDER / "released.graphql").read_text()
    for known, new in (("cursor: String!", "mark: String!"), ("width: Int = 400", "width: Int = 1")):
        text = text.replace(known, new, 1)
    changed = build_schema(text)

    assert breaking(released, changed) == ["FIELD_REMOVED: Field Batch.cursor was removed."]
    (change,) = dangerous(released, changed)
    assert change.startswith("ARG_DEFAULT_VALUE_CHANGE: Image.thumbnailUrl(width:)")
