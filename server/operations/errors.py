"""What reaches a client of what went wrong: our own faults as they are, all else as a code and an id."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLError

from resolvers.faults import Fault, as_fault, bad_input
from server.watching.visits import current_visit

__all__ = ["NothingToRunError", "RefusedError", "as_graphql", "masked"]

logger = structlog.get_logger()


class RefusedError(Exception):
    """The operation does not begin; the errors are fit for the client."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        super().__init__()
        self.errors = [masked(error) for error in errors]

    @property
    def formatted(self) -> list[Mapping[str, Any]]:
        """The errors as they stand in an answer."""
        return [error.formatted for error in self.errors]


class NothingToRunError(RefusedError):
    """There is no document, or none of its operations is one that was meant and may run here."""

    def __init__(self, message: str) -> None:
        super().__init__([bad_input(message)])


def as_graphql(error: Exception) -> GraphQLError:
    """The error itself, or one that has it behind it."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def masked(error: GraphQLError) -> GraphQLError:
    """As it may reach the client; what was not raised for it is in the log, under the same id."""
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError):
        fault = as_fault(original) or _logged(error)
        error = GraphQLError(fault.message, nodes=error.nodes, path=error.path, extensions=fault.extensions)
    if visit := current_visit():
        visit.code = (error.extensions or {}).get("code", "INVALID")
    return error


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
