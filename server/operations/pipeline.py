"""One pipeline for every operation, whatever carries it: parse, measure, validate, admit, plan, execute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
import structlog
from graphql import (
    ExecutionResult,
    Executor,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    get_variable_values,
)
from graphql.execution.values import VariableValues
from strawberry.execution import optimized_is_awaitable
from strawberry.utils.await_maybe import await_maybe

from engine.viewer import Viewer
from resolvers.context import Context
from resolvers.faults import Fault
from server.operations.admission import refuse_writing
from server.operations.documents import MOST_ERRORS, Document, DocumentPolicy, Reader
from server.operations.errors import NothingToRunError, RefusedError, as_graphql, masked
from server.operations.plans import Plans
from server.operations.rates import Rates
from server.operations.schema import build_schema
from server.operations.turnstile import take_turn
from server.watching.visits import current_visit

__all__ = ["ANY", "Admitted", "Operation", "Pipeline"]

ANY = frozenset(OperationType)

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client asks for, as it came."""

    query: str | None
    variables: Mapping[str, Any] | None = None
    name: str | None = None
    extensions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """An operation that may run: it was parsed, measured, validated and admitted."""

    document: Document
    operation: OperationDefinitionNode
    variables: VariableValues


class Pipeline:
    """The executable schema with all that lies before it; with rates, mutations are let through at them."""

    def __init__(self, policy: DocumentPolicy | None = None, mutations: Rates | None = None) -> None:
        self.schema = build_schema()
        self.graphql = self.schema._schema
        self.reader = Reader(self.graphql, policy or DocumentPolicy())
        self.plans = Plans(self.graphql)
        self.mutations = mutations

    def prepare(
        self, operation: Operation, context: Context, allowed: Iterable[OperationType] = ANY
    ) -> Admitted:
        """All that comes before the execution. Raises RefusedError."""
        try:
            return self._prepare(operation, context, allowed)
        except RefusedError:
            raise
        except Exception as error:
            raise RefusedError([as_graphql(error)]) from error

    async def answer(self, asked: Admitted, context: Context) -> bytes:
        """The JSON that answers a query or a mutation. Raises RefusedError."""
        plan = self.plans.find(asked.document, asked.operation, asked.variables)
        if plan is None:
            return await self._execute(asked, context)
        try:
            return await plan.answer(context, asked.variables)
        except Fault as fault:
            context.fault = fault
        except Exception as error:
            logger.warning("answered_the_long_way", reason=type(error).__name__)
        return await self._execute(asked, context)  # which says of each field what became of it

    def executor(self, asked: Admitted, context: Context) -> Executor[Any]:
        """Runs the operation by graphql-core, which coerces no variables once more."""
        return Executor(
            self.graphql,
            asked.document.fragments,
            asked.document.fragment_details,
            None,
            context,
            asked.operation,
            asked.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            enable_early_execution=False,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            hide_suggestions=True,
        )

    def _prepare(self, asked: Operation, context: Context, allowed: Iterable[OperationType]) -> Admitted:
        text = self.reader.text(asked.query, asked.extensions)
        if not text:
            raise NothingToRunError("There is no document to run.")
        document = self.reader.document(text)
        variables = dict(asked.variables or {})
        size = document.size(variables)
        self.reader.refuse_excess(size)
        operation = document.operation(asked.name)
        if operation is None:
            raise NothingToRunError("The document has no such operation.")
        if operation.operation not in allowed:
            raise NothingToRunError(f"A {operation.operation.value} is not answered in this way.")
        _note(operation, context.viewer)
        if size.introspects:
            self.reader.refuse_introspection(context.viewer)
        if document.errors:
            raise RefusedError(document.errors)
        refuse_writing(operation, context.viewer)
        return Admitted(
            document=document, operation=operation, variables=self._coerced(document, operation, variables)
        )

    def _coerced(
        self, document: Document, operation: OperationDefinitionNode, raw: dict[str, Any]
    ) -> VariableValues:
        """The variables, which ask for no page that no list has. Raises RefusedError."""
        definitions = operation.variable_definitions or ()
        variables = get_variable_values(self.graphql, definitions, raw, MOST_ERRORS, hide_suggestions=True)
        if isinstance(variables, list):
            raise RefusedError(variables)
        if faults := document.pages(operation).faults(variables):
            raise RefusedError(faults)
        return variables

    async def _execute(self, asked: Admitted, context: Context) -> bytes:
        if asked.operation.operation is OperationType.MUTATION and self.mutations:
            await take_turn(self.mutations, context.viewer)
        result = await await_maybe(self.executor(asked, context).execute_operation())
        return rendered(cast("ExecutionResult", result))


def _note(operation: OperationDefinitionNode, viewer: Viewer) -> None:
    if visit := current_visit():
        name = operation.name.value if operation.name else None
        visit.note(operation.operation.value, name, viewer.user_id)


def rendered(result: ExecutionResult) -> bytes:
    """As JSON."""
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [masked(error).formatted for error in result.errors]
    return orjson.dumps(answer)
