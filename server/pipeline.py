"""One pipeline for every operation, whatever carries it: parse, validate, admit, execute, mask."""

from typing import Any
from uuid import uuid4

import strawberry
import structlog
from graphql import GraphQLError
from graphql.execution.executor import Executor
from strawberry.extensions import MaskErrors, ParserCache, ValidationCache
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.faults import Fault, as_fault
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import Subscription
from schema.collection import Collection, Template
from schema.history import Batch, Generation
from schema.image import Image
from server.admission import REMEMBERED_DOCUMENTS, Admission

__all__ = ["build_schema"]

logger = structlog.get_logger()


def build_schema() -> strawberry.Schema:
    """The executable schema."""
    return StudioSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Batch, Generation, Image, Collection, Template],
        # Factories, never instances: an instance would be shared between requests (strawberry#4369).
        extensions=[
            lambda: ParserCache(maxsize=REMEMBERED_DOCUMENTS),
            lambda: ValidationCache(maxsize=REMEMBERED_DOCUMENTS),
            Admission,
            Masking,
        ],
        execution_context_class=Execution,
    )


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Forgets after each event of a subscription what it has noted for it."""

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        # graphql-core 3.3.2 shares these notes, which only this event can use, among all events of a
        # subscription, and so keeps 10 KB of each for as long as the subscription lasts.
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class StudioSchema(strawberry.Schema):
    """A subscription needs a stream: where one answer is all that can be given, it is refused."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        allowed = set(kwargs.pop("allowed_operation_types", None) or OperationType)
        kwargs["allowed_operation_types"] = allowed - {OperationType.SUBSCRIPTION}
        result = await super().execute(*args, **kwargs)
        # Strawberry shows no extension what fails before the execution begins.
        result.errors = [_masked(error) for error in result.errors] if result.errors else None
        return result


class Masking(MaskErrors):
    """What was not raised for the client reaches it as a code and an id that the log has too."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_is_foreign)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return _masked(error)


def _masked(error: GraphQLError) -> GraphQLError:
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
