"""What is refused before anything runs: writing without a token, and pages that no list has.

Done on the document, so that a mutation whose payload asks for such a page changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from engine.cursors import BadCursorError
from resolvers.context import Context
from resolvers.faults import Fault, bad_input, unauthenticated
from resolvers.pages import LISTINGS, Listing
from server.operations.documents import REMEMBERED_DOCUMENTS
from server.operations.measure import LARGEST_PAGE

__all__ = ["Admission"]


class Admission(SchemaExtension):
    """Comes after validation: what it lets through fits the schema and can be answered."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document and not context.pre_execution_errors:
            # None would have the document validated once more.
            context.pre_execution_errors = list(_faults(context, context.graphql_document))
        yield


def _faults(asked: ExecutionContext, document: DocumentNode) -> Iterator[Fault]:
    context: Context = asked.context
    operation = _operation(document, asked.operation_name)
    if operation.operation is OperationType.MUTATION and context.viewer.user_id is None:
        yield unauthenticated()
    for argument in _page_arguments(asked.schema._schema, document, operation):
        yield from argument.faults(asked.variables or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArgument:
    """One `first` or `after` of a list; default is that of the variable which stands for it."""

    listing: Listing
    name: str
    value: ValueNode
    default: ValueNode | None

    def faults(self, variables: Mapping[str, Any]) -> Iterator[Fault]:
        value = self._given(variables)
        if self.name == "after" and isinstance(value, str):
            try:
                self.listing.bounds(value)
            except BadCursorError:
                yield bad_input(f"after is not a cursor of {self.listing.field}.")
        # A variable may be 5.0 as well as 5: GraphQL takes both as an Int.
        if self.name == "first" and isinstance(value, int | float) and not 1 <= value <= LARGEST_PAGE:
            yield bad_input(f"first of {self.listing.field} is from 1 to {LARGEST_PAGE}.")

    def _given(self, variables: Mapping[str, Any]) -> Any:
        if not isinstance(self.value, VariableNode):
            return _literal(self.value)
        return variables.get(self.value.name.value, _literal(self.default))


class _Collector(Visitor):
    """Finds the page arguments of every list in what it visits."""

    def __init__(self, types: TypeInfo, operation: OperationDefinitionNode) -> None:
        super().__init__()
        self.types = types
        self.defaults = {
            each.variable.name.value: each.default_value for each in operation.variable_definitions or ()
        }
        self.found: list[PageArgument] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self.types.get_parent_type()
        listing = LISTINGS.get(f"{parent.name}.{node.name.value}") if parent else None
        if listing:
            self.found += [self._argument(listing, each) for each in node.arguments or ()]

    def _argument(self, listing: Listing, node: ArgumentNode) -> PageArgument:
        variable = node.value.name.value if isinstance(node.value, VariableNode) else ""
        return PageArgument(
            listing=listing,
            name=node.name.value,
            value=node.value,
            default=self.defaults.get(variable),
        )


@lru_cache(maxsize=REMEMBERED_DOCUMENTS)
def _page_arguments(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Sequence[PageArgument]:
    """Those of the operation and of all fragments; documents come again, with other variables."""
    types = TypeInfo(schema)
    collector = _Collector(types, operation)
    for definition in document.definitions:
        if definition is operation or isinstance(definition, FragmentDefinitionNode):
            visit(definition, TypeInfoVisitor(types, collector))
    return collector.found


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The one that will run."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return next(each for each in operations if name is None or (each.name and each.name.value == name))


def _literal(node: ValueNode | None) -> Any:
    if isinstance(node, IntValueNode):
        return int(node.value)
    return node.value if isinstance(node, StringValueNode) else None
