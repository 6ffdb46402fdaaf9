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
