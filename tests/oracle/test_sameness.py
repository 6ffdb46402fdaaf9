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
from tests.oracle.stock import Stock

EXAMPLES = int(os.environ.get("BATCH_STUDIO_TEST_DOCUMENTS", "250"))
"""More of them for a longer run, which is then another one each time."""
RUN = settings(
    max_examples=EXAMPLES,
    derandomize="BATCH_STUDIO_TEST_DOCUMENTS" not in os.environ,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RUN
@given(data=st.data())
async def test_a_random_document_is_answered_as_the_oracle_does(data, stage, compare):
    one = data.draw(asked(stage.stock))

    await compare(one.query, one.variables, name=one.name, user=one.user)


SCALARS = {"JSON": st.just(nodes.Object([])), "DateTime": st.just(nodes.String("2026-01-01T00:00:00+00:00"))}
READ = ("node", "batch", "batches", "image", "images", "generation", "collection", "collections", "viewer")


class Plausible(Visitor):
    """Gives most of the pages a length and most ids a row: what is drawn by chance alone fits none."""

    def __init__(self, stock: Stock) -> None:
        super().__init__()
        self.ids = [id for each in stock.ids.values() for id in each]

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        text = str(getattr(node.value, "value", ""))
        chance = sum(map(ord, text))
        value: ValueNode = node.value
        if node.name.value == "first" and chance % 8:
            value = IntValueNode(value=str(chance % 4 + 1))
        if node.name.value == "after" and chance % 8:
            value = NullValueNode()
        if node.name.value == "id" and chance % 8:
            value = StringValueNode(value=self.ids[chance % len(self.ids)])
        return ArgumentNode(name=node.name, value=value)


@settings(RUN, max_examples=max(50, EXAMPLES // 5))
@given(data=st.data())
async def test_documents_of_hypothesis_graphql_are_answered_as_the_oracle_does(data, stage, compare):
    drawn = data.draw(
        queries(stage.oracle.sdl, fields=READ, custom_scalars=SCALARS, print_ast=lambda same: same)
    )
    query = print_ast(visit(drawn, Plausible(stage.stock)))

    await compare(query)
