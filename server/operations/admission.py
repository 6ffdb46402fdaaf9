"""What is refused before anything runs: writing without a token, and pages that no list has.

Done on the document, so that a mutation whose payload asks for such a page changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
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

Found: TypeAlias = tuple[Pages, ArgumentSource]

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
        found = list(_page_arguments(schema, document, operation))
        self.varying = [(pages, source) for pages, source in found if source.varies]
        fixed = [(pages, source) for pages, source in found if not source.varies]
        self.fixed = [
            fault for pages, source in fixed for fault in _faults(pages, source.values(NO_VARIABLES))
        ]

    def faults(self, variables: VariableValues) -> Sequence[Fault]:
        """What no list has."""
        varying = [
            fault for pages, source in self.varying for fault in _faults(pages, source.values(variables))
        ]
        return [*self.fixed, *varying]


def _page_arguments(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Iterator[Found]:
    """Each fragment once, however often it is spread; the document has been validated."""
    for definition in document.definitions:
        if definition is operation:
            yield from _within(schema, operation.selection_set, schema.get_root_type(operation.operation))
        elif isinstance(definition, FragmentDefinitionNode):
            of = schema.get_type(definition.type_condition.name.value)
            yield from _within(schema, definition.selection_set, of)


def _within(
    schema: GraphQLSchema, selections: SelectionSetNode | None, parent: GraphQLNamedType | None
) -> Iterator[Found]:
    for node in selections.selections if selections else ():
        match node:
            case FieldNode():
                yield from _at(schema, node, parent)
            case InlineFragmentNode(type_condition=condition):
                of = schema.get_type(condition.name.value) if condition else parent
                yield from _within(schema, node.selection_set, of)


def _at(schema: GraphQLSchema, node: FieldNode, parent: GraphQLNamedType | None) -> Iterator[Found]:
    field = schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
    if field is None:
        return
    pages = PAGES.get(f"{parent}.{node.name.value}")
    if pages and node.arguments:
        yield pages, ArgumentSource(field, node)
    if node.selection_set:
        yield from _within(schema, node.selection_set, get_named_type(field.type))


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
