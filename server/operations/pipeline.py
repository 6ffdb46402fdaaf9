"""One pipeline for every operation, whatever carries it: parse, measure, validate, admit, execute, mask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import strawberry
import structlog
from graphql import DocumentNode, Executor, GraphQLError
from graphql import ExecutionResult as GraphQLResult
from strawberry.exceptions import MissingQueryError
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.context import Context
from resolvers.faults import Fault, as_fault, bad_input
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from schema.collection import Collection, Template
from schema.history import Batch, Generation
from schema.image import Image
from server.operations.admission import Admission
from server.operations.documents import DocumentPolicy, Documents, Reader
from server.operations.rates import Rates
from server.operations.turnstile import Turnstile
from server.watching.visits import Noting, current_visit

__all__ = [
    "ANY",
    "Asked",
    "Operation",
    "RefusedError",
    "StudioSchema",
    "as_graphql",
    "build_schema",
    "rendered",
]

ANY = frozenset(OperationType)
ONE_ANSWER = ANY - {OperationType.SUBSCRIPTION}
"""A subscription needs a stream: where one answer is all that can be given, it is refused."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client asks for, as it came."""

    query: str
    variables: Mapping[str, Any] | None = None
    name: str | None = None
    extensions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An operation that may run: it was parsed, measured, validated and admitted, and has its text."""

    operation: Operation
    document: DocumentNode
    type: OperationType


class RefusedError(Exception):
    """The operation does not begin; the errors are fit for the client."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        super().__init__()
        self.errors = [masked(error) for error in errors]


def build_schema(policy: DocumentPolicy | None = None, mutations: Rates | None = None) -> "StudioSchema":
    """The executable schema; with rates, mutations are let through at them."""
    reader = Reader(policy or DocumentPolicy())
    turnstiles = [partial(Turnstile, mutations)] if mutations else []
    return StudioSchema(
        reader,
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Batch, Generation, Image, Collection, Template],
        # Factories, never instances: an instance would be shared between requests (strawberry#4369).
        extensions=[
            lambda: Documents(reader),
            Noting,
            Admission,
            *turnstiles,
            Masking,
        ],
        execution_context_class=Execution,
    )


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Suggests nothing, and forgets after each event of a subscription what it has noted for it."""

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> list[GraphQLError] | Executor[Any]:
        return super().build(*args, **(kwargs | {"hide_suggestions": True}))

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        # graphql-core 3.3.2 shares these notes, which only this event can use, among all events of a
        # subscription, and so keeps 10 KB of each for as long as the subscription lasts.
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class StudioSchema(strawberry.Schema):
    """Strawberry's schema, whose subscriptions are run by server.live.streams instead."""

    def __init__(self, reader: Reader, **parts: Any) -> None:
        super().__init__(**parts)
        self.reader = reader

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        allowed = kwargs.pop("allowed_operation_types", None) or ANY
        kwargs["allowed_operation_types"] = ONE_ANSWER.intersection(allowed)
        result = await super().execute(*args, **kwargs)
        # Strawberry shows no extension what fails before the execution begins.
        result.errors = [masked(error) for error in result.errors] if result.errors else None
        return result

    async def prepare(
        self, operation: Operation, context: Context, allowed: Iterable[OperationType] = ANY
    ) -> Asked:
        """All that comes before the execution, as Strawberry does it. Raises RefusedError."""
        run = self._create_execution_context(
            operation.query,
            allowed,
            _plain(operation.variables),
            context,
            operation_name=operation.name,
            operation_extensions=operation.extensions,
        )
        extensions = self.get_extensions()
        for extension in extensions:
            extension.execution_context = run
        try:
            await self._prepare_operation_async(run, self.create_extensions_runner(run, extensions))
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError):
            raise RefusedError([bad_input("There is no such operation to run here.")]) from None
        except Exception as error:
            raise RefusedError([as_graphql(error)]) from error
        if run.pre_execution_errors or run.graphql_document is None:
            raise RefusedError(run.pre_execution_errors or [])
        whole = replace(operation, query=run.query or "")
        return Asked(operation=whole, document=run.graphql_document, type=run.operation_type)

    async def answer(self, asked: Asked, context: Context) -> str:
        """The answer of a query or a mutation."""
        operation = asked.operation
        return rendered(
            await self.execute(
                operation.query,
                _plain(operation.variables),
                context_value=context,
                operation_name=operation.name,
            )
        )

    def executor(self, asked: Asked, context: Context) -> Executor[Any]:
        """Runs the operation, for a subscription once for each event. Raises RefusedError."""
        executor = self.execution_context_class.build(
            self._schema,
            asked.document,
            context_value=context,
            raw_variable_values=_plain(asked.operation.variables),
            operation_name=asked.operation.name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        )
        if isinstance(executor, list):
            raise RefusedError(executor)
        return executor

    def _create_execution_context(self, query: str | None, *args: Any, **kwargs: Any) -> ExecutionContext:
        # The one place that every operation passes before Strawberry refuses it for want of a text.
        text = self.reader.text(query, kwargs.get("operation_extensions"))
        return super()._create_execution_context(text, *args, **kwargs)


def rendered(result: ExecutionResult | GraphQLResult) -> str:
    """As JSON."""
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [masked(error).formatted for error in result.errors]
    return orjson.dumps(answer).decode()


def as_graphql(error: Exception) -> GraphQLError:
    """The error itself, or one that has it behind it."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def _plain(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(variables or {})


class Masking(MaskErrors):
    """What was not raised for the client reaches it as a code and an id that the log has too."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_is_foreign)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return masked(error)


def masked(error: GraphQLError) -> GraphQLError:
    """As it may reach the client."""
    shown = _shown(error)
    if visit := current_visit():
        visit.code = (shown.extensions or {}).get("code", "INVALID")
    return shown


def _shown(error: GraphQLError) -> GraphQLError:
    if not _is_foreign(error):
        return error
    fault = as_fault(error.original_error) or _logged(error)
    return GraphQLError(fault.message, nodes=error.nodes, path=error.path, extensions=fault.extensions)


def _logged(error: GraphQLError) -> Fault:
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
