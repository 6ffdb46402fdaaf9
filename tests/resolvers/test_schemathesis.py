"""Whatever fits the schema has an answer: no 5xx, no error at a field, which would be the service's own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from graphql import (
    REMOVE,
    ArgumentNode,
    IntValueNode,
    ObjectFieldNode,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"
OBJECTS = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers(), max_size=3)

schemathesis.graphql.scalar("JSON", OBJECTS.map(lambda value: nodes.Object([])) | st.text().map(nodes.String))
CASES = schemathesis.graphql.from_path(SDL).as_strategy()


class Plausible(Visitor):
    """Gives most pages a length, and most ids a row; what is drawn by chance alone fits none."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__()
        self.ids = ids

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        text, name = getattr(node.value, "value", ""), node.name.value
        if name == "first" and text[-1:] not in ("", "0"):
            return ArgumentNode(name=node.name, value=IntValueNode(value=text[-1]))
        if name == "after" and text[-1:] != "0":
            return REMOVE
        return self._with_a_row(node)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        return self._with_a_row(node)

    def _with_a_row(self, node: Any) -> Any:
        text, name = getattr(node.value, "value", ""), node.name.value
        if not name.lower().endswith("id") or len(str(text)) % 4 == 0:
            return None
        id = self.ids[sum(map(ord, str(text))) % len(self.ids)]
        return type(node)(name=node.name, value=StringValueNode(value=id))


@pytest.fixture
async def ids(archive: Any) -> list[str]:
    collection = await archive.collection()
    kept = await archive.batch(2, collection=collection)
    return [kept.batch, *kept.generations, *kept.images, collection, *await archive.images(1)]


@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(case=CASES)
async def test_whatever_fits_the_schema_has_an_answer(case, ids, as_owner):
    query = print_ast(visit(parse(case.body), Plausible(ids)))

    response = await as_owner.post_raw(json.dumps({"query": query}).encode())

    assert response.status_code == 200, query
    assert not [error for error in response.json().get("errors", ()) if "path" in error], query
