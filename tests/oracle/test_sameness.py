"""Whatever is asked, the service answers what an oracle that shares nothing with it finds in the rows."""

import os
from typing import Any

from graphql import (
    ArgumentNode,
    IntValueNode,
    NullValueNode,
    StringValueNode,
    ValueNode,
    Visitor,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from tests.oracle.documents import asked
from tests.oracle.stock import SDL, STOCK

LONG_RUN = os.environ.get("BATCH_STUDIO_TEST_DOCUMENTS")
"""How many documents; they are then other ones each time, and what fails is made shorter."""
EXAMPLES = int(LONG_RUN or 200)
RUN = settings(
    max_examples=EXAMPLES,
    derandomize=not LONG_RUN,
    database=None,
    deadline=None,
    phases=[Phase.generate, *([Phase.shrink] if LONG_RUN else [])],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RUN
@given(one=asked(STOCK))
async def test_a_random_document_is_answered_as_the_oracle_does(one, compare):
    await compare(one.query, one.variables, name=one.name, user=one.user)


SCALARS = {"JSON": st.just(nodes.Object([])), "DateTime": st.just(nodes.String("2026-01-01T00:00:00+00:00"))}
READ = ("node", "batch", "batches", "image", "images", "generation", "collection", "collections", "viewer")
IDS = [id for ids in STOCK.ids.values() for id in ids]


class Plausible(Visitor):
    """Gives most of the pages a length and most ids a row: what is drawn by chance alone fits none."""

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        text = str(getattr(node.value, "value", ""))
        chance = sum(map(ord, text))
        value: ValueNode = node.value
        if node.name.value == "first" and chance % 8:
            value = IntValueNode(value=str(chance % 4 + 1))
        if node.name.value == "after" and chance % 8:
            value = NullValueNode()
        if node.name.value == "id" and chance % 8:
            value = StringValueNode(value=IDS[chance % len(IDS)])
        return ArgumentNode(name=node.name, value=value)


@settings(RUN, max_examples=max(50, EXAMPLES // 5))
@given(document=queries(SDL, fields=READ, custom_scalars=SCALARS, print_ast=lambda same: same))
async def test_documents_of_hypothesis_graphql_are_answered_as_the_oracle_does(document, compare):
    await compare(print_ast(visit(document, Plausible())))
