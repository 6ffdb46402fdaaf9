"""The short way: an operation that only reads goes from its plan to the bytes of its answer.

What a plan does not know (introspection, writing, what lies in no table) is executed by graphql-core, over
the same shapes.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.values import VariableValues

from db.reading.map import SHAPES
from db.reading.statements import Statement, compile_roots
from resolvers.context import Context
from resolvers.selecting import ArgumentSource, Selecting
from server.operations.documents import Document

__all__ = ["Plan", "Plans"]

REMEMBERED_PLANS = 1_024
OPENING = '{"data":{'
READ = frozenset(SHAPES["Query"].fields)
COMPILED = READ | {"__typename"}

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One statement for all root fields. begins are the bytes before each field's own."""

    statement: Statement
    begins: Sequence[bytes]
    sources: Sequence[ArgumentSource]

    async def answer(self, context: Context, variables: VariableValues) -> bytes:
        """Raises Fault, BadCursorError, and what the database raises."""
        arguments = [source.values(variables) for source in self.sources]
        (row,) = await context.read(self.statement, context.bound(arguments))
        parts = [
            part for begin, value in zip(self.begins, row, strict=True) for part in (begin, value or b"null")
        ]
        return b"".join((*parts, b"}}"))


class Plans:
    """The plans that were made last, by document, operation and the form of the variables.

    fallbacks counts what should have had one and could not be compiled.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.fallbacks = 0
        self._plans: OrderedDict[Hashable, Plan | None] = OrderedDict()

    def find(
        self, document: Document, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Plan | None:
        """None for what graphql-core has to execute.

        Nothing is kept of that: its variables may hold JSON, whose form is as large as a client likes.
        """
        if operation.operation is not OperationType.QUERY or not _reads(document, operation):
            return None
        key = (document.text, operation.name and operation.name.value, form(variables.coerced))
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        plan = self._plans[key] = self._plan(document, operation, variables)
        if len(self._plans) > REMEMBERED_PLANS:
            self._plans.popitem(last=False)
        return plan

    def _plan(
        self, document: Document, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Plan | None:
        selecting = Selecting(self.schema, document.fragment_details, operation, variables)
        try:
            roots = selecting.roots()
            if not any(each.name in READ for each in roots):
                return None
            statement = compile_roots(roots)
        except GraphQLError:
            return None  # a directive's variable is null: graphql-core tells the client
        except Exception:
            self.fallbacks += 1
            logger.exception("not_compiled")
            return None
        begins = [f'{"," if place else OPENING}"{each.key}":'.encode() for place, each in enumerate(roots)]
        return Plan(statement=statement, begins=begins, sources=selecting.sources)


def _reads(document: Document, node: Node) -> bool:
    """Whether all root fields are such as can be compiled, whatever the directives before them."""
    match node:
        case FieldNode():
            return node.name.value in COMPILED
        case FragmentSpreadNode():
            return _reads(document, document.fragments[node.name.value])
        case OperationDefinitionNode() | FragmentDefinitionNode() | InlineFragmentNode():
            return all(_reads(document, each) for each in node.selection_set.selections)
    return False


def form(value: Any) -> Hashable:
    """What a value decides about the statement: whether it is there, and which way a boolean goes."""
    match value:
        case None | bool():
            return value
        case dict():
            return tuple((name, form(each)) for name, each in sorted(value.items()))
        case _:
            return ...
