"""One pipeline for every operation, whatever carries it: parse, limits, validate, execute."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import strawberry
import structlog
from graphql import (
    FieldNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.extensions import MaskErrors, ParserCache, SchemaExtension, ValidationCache

from engine.cursors import BadCursorError, decode_keys
from resolvers.faults import Fault, as_fault, bad_input
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from schema.collection import Collection, Template
from schema.history import Batch, Generation, Image

__all__ = ["build_schema"]

LARGEST_PAGE = 100
REMEMBERED_DOCUMENTS = 512

logger = structlog.get_logger()


def build_schema() -> strawberry.Schema:
    """The executable schema."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Batch, Generation, Image, Collection, Template],
        # Factories, never instances: an instance would be shared between requests (strawberry#4369).
        extensions=[
            lambda: ParserCache(maxsize=REMEMBERED_DOCUMENTS),
            lambda: ValidationCache(maxsize=REMEMBERED_DOCUMENTS),
            PageLimits,
            Masking,
        ],
    )


class PageLimits(SchemaExtension):
    """Refuses a page of no size, of too many rows, or after no cursor before anything runs.

    Done on the document, so that a mutation whose payload asks for such a page changes nothing.
    """

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document and not context.pre_execution_errors:
            arguments = _PageArguments(context.variables or {}, context.operation_name)
            visit(context.graphql_document, arguments)
            context.pre_execution_errors = arguments.errors or None
        yield


class _PageArguments(Visitor):
    def __init__(self, variables: Mapping[str, Any], operation_name: str | None) -> None:
        super().__init__()
        self.variables = variables
        self.operation_name = operation_name
        self.defaults: dict[str, ValueNode | None] = {}
        self.errors: list[GraphQLError] = []

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        wanted = self.operation_name is None or (
            node.name is not None and node.name.value == self.operation_name
        )
        if wanted:
            self.defaults = {
                each.variable.name.value: each.default_value for each in node.variable_definitions or ()
            }

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        for argument in node.arguments or ():
            value = self._value(argument.value)
            if argument.name.value == "first" and isinstance(value, int):
                self._check_first(value)
            elif argument.name.value == "after" and isinstance(value, str):
                self._check_after(value)

    def _value(self, node: ValueNode | None) -> Any:
        if isinstance(node, VariableNode):
            name = node.name.value
            if name in self.variables:
                return self.variables[name]
            return self._value(self.defaults.get(name))
        if isinstance(node, IntValueNode):
            return int(node.value)
        return node.value if isinstance(node, StringValueNode) else None

    def _check_first(self, value: int) -> None:
        if not 1 <= value <= LARGEST_PAGE:
            self.errors.append(bad_input(f"first is from 1 to {LARGEST_PAGE}."))

    def _check_after(self, value: str) -> None:
        try:
            decode_keys(value)
        except BadCursorError:
            self.errors.append(bad_input("after is not a cursor of ours."))


class Masking(MaskErrors):
    """What was not raised for the client reaches it as a code and an id that the log has too."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_is_foreign)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        fault = as_fault(error.original_error) or self._logged(error)
        return GraphQLError(fault.message, nodes=error.nodes, path=error.path, extensions=fault.extensions)

    def _logged(self, error: GraphQLError) -> Fault:
        error_id = str(uuid4())
        logger.error(
            "request_failed",
            error_id=error_id,
            path=".".join(map(str, error.path or ())),
            exc_info=error.original_error,
        )
        fault = Fault("INTERNAL", "The service failed at this field.")
        fault.extensions = {**(fault.extensions or {}), "id": error_id}
        return fault


def _is_foreign(error: GraphQLError) -> bool:
    """Whether something else than GraphQL itself, or one of our own faults, is behind it."""
    original = error.original_error
    return original is not None and not isinstance(original, GraphQLError)
