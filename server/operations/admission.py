"""What is refused before anything runs: writing without a token, and pages that no list has.

Done on the document, so that a mutation whose payload asks for such a page changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from db.reading.map import PAGES
from db.reading.selection import given
from db.reading.shapes import Pages
from engine.cursors import BadCursorError
from engine.refusals import TextRule, refuse_text
from engine.viewer import Viewer
from resolvers.faults import Fault, bad_input, unauthenticated
from resolvers.selecting import ArgumentSource
from server.operations.measure import LARGEST_PAGE

__all__ = ["PageArguments", "refuse_writing"]

FILTER_RULE = TextRule(longest=500, lines=True, optional=True)
"""A word of more than 2,046 bytes is none for PostgreSQL."""
MOST_TEXTS = 100
NO_VARIABLES = VariableValues({}, {})


def refuse_writing(operation: OperationDefinitionNode, viewer: Viewer) -> None:
    """Raises Fault for a mutation of nobody's."""
    if operation.operation is OperationType.MUTATION and viewer.user_id is None:
        raise unauthenticated()


class PageArguments:
    """Those of every list in an operation and in all fragments of its document."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        types = TypeInfo(schema)
        collector = _Collector(types)
        for definition in document.definitions:
            if definition is operation or isinstance(definition, FragmentDefinitionNode):
                visit(definition, TypeInfoVisitor(types, collector))
        self.varying = [(pages, source) for pages, source in collector.found if source.varies]
        fixed = [(pages, source) for pages, source in collector.found if not source.varies]
        self.fixed = [
            fault for pages, source in fixed for fault in _faults(pages, source.values(NO_VARIABLES))
        ]

    def faults(self, variables: VariableValues) -> Sequence[Fault]:
        """What no list has."""
        varying = self.varying
        return [
            *self.fixed,
            *(fault for pages, source in varying for fault in _faults(pages, source.values(variables))),
        ]


def _faults(pages: Pages, values: Mapping[str, Any]) -> Iterator[Fault]:
    if not 1 <= values["first"] <= LARGEST_PAGE:
        yield bad_input(f"first of {pages.name} is from 1 to {LARGEST_PAGE}.")
    wanted = dict(given(values))
    order = pages.order_for(wanted)
    if (after := wanted.pop("after", None)) is not None:
        try:
            pages.bounds(after, order)
        except BadCursorError:
            yield bad_input(f"after is not a cursor of {pages.name}.")
    for name, value in wanted.items():
        texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
        if len(texts) > MOST_TEXTS or any(refuse_text(each, (name,), FILTER_RULE) for each in texts):
            yield bad_input(f"{name} of {pages.name} is no text that can be looked for, or too long.")


class _Collector(Visitor):
    """Finds the arguments of every list in what it visits."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.found: list[tuple[Pages, ArgumentSource]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent, field = self.types.get_parent_type(), self.types.get_field_def()
        pages = PAGES.get(f"{parent.name}.{node.name.value}") if parent else None
        if pages and field and node.arguments:
            self.found.append((pages, ArgumentSource(field, node)))
