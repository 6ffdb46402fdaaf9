"""Before a mutation runs: is it this user's, and this address's, turn already?"""

from math import ceil

from engine.viewer import Viewer
from resolvers.faults import Fault
from server.operations.errors import RefusedError
from server.operations.rates import RateLimitedError, Rates
from server.watching.visits import current_visit

__all__ = ["TooOftenFault", "take_turn"]


class TooOftenFault(Fault):
    """Over HTTP it has the status 429 and a Retry-After as well."""

    def __init__(self, seconds: float) -> None:
        super().__init__("RATE_LIMITED", f"Too many requests. Try again in {ceil(seconds)} s.")
        self.extensions = {**(self.extensions or {}), "retryAfter": ceil(seconds)}


async def take_turn(rates: Rates, viewer: Viewer) -> None:
    """Lets mutations through so many a minute; what only reads is not counted. Raises RefusedError."""
    visit = current_visit()
    try:
        await rates.take_address(visit.address if visit else None)
        await rates.take_user(viewer.user_id)
    except RateLimitedError as error:
        raise RefusedError([TooOftenFault(error.seconds)]) from None
