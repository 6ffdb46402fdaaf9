"""Before a mutation runs: is it this user's, and this address's, turn already?"""

from collections.abc import AsyncIterator
from math import ceil

from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from resolvers.faults import Fault
from server.operations.rates import RateLimitedError, Rates
from server.watching.visits import current_visit

__all__ = ["TooOftenFault", "Turnstile"]


class TooOftenFault(Fault):
    """Over HTTP it has the status 429 and a Retry-After as well."""

    def __init__(self, seconds: float) -> None:
        super().__init__("RATE_LIMITED", f"Too many requests. Try again in {ceil(seconds)} s.")
        self.extensions = {**(self.extensions or {}), "retryAfter": ceil(seconds)}


class Turnstile(SchemaExtension):
    """Lets mutations through so many a minute; what only reads is not counted."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.rates = rates

    async def on_execute(self) -> AsyncIterator[None]:
        run = self.execution_context
        if run.operation_type is OperationType.MUTATION:
            visit = current_visit()
            try:
                await self.rates.take_address(visit.address if visit else None)
                await self.rates.take_user(run.context.viewer.user_id)
            except RateLimitedError as error:
                run.result = ExecutionResult(data=None, errors=[TooOftenFault(error.seconds)])
        yield
