"""How many sockets and streams a caller has open in this process, and how many more there may be."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Scope

from engine.viewer import Viewer
from server.operations.rates import RateLimitedError, Rates

__all__ = ["NoSeatError", "Seats", "address_of"]

A_WHILE = 5.0


class NoSeatError(Exception):
    """The caller has as many open as may be, or opens them too fast: again after so many seconds."""

    def __init__(self, seconds: float = A_WHILE) -> None:
        super().__init__()
        self.seconds = seconds


class Seats:
    """Counted by user; callers without a user by the address that they come from."""

    def __init__(self, most: int, rates: Rates) -> None:
        self.most = most
        self.rates = rates
        self._taken: Counter[str] = Counter()

    async def knock(self, scope: Scope) -> None:
        """Before it is known who comes. Raises NoSeatError."""
        try:
            await self.rates.take_address(address_of(scope))
        except RateLimitedError as error:
            raise NoSeatError(error.seconds) from None

    @asynccontextmanager
    async def taken(self, viewer: Viewer, scope: Scope) -> AsyncIterator[None]:
        """A seat until the end of the block. Raises NoSeatError."""
        key = str(viewer.user_id or address_of(scope))
        try:
            await self.rates.take_user(viewer.user_id)
        except RateLimitedError as error:
            raise NoSeatError(error.seconds) from None
        if self._taken[key] >= self.most:
            raise NoSeatError
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


def address_of(scope: Scope) -> str | None:
    """Where a request or a socket comes from."""
    client = scope["client"]
    return client[0] if client else None
