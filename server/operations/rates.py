"""How often a caller may do something: so many a minute for a user, and more for an address.

Counted in this process alone, unless it is given the counts that all processes share: else PostgreSQL
would have to be asked before it is spared, and N processes let through N times as much.
"""

from ipaddress import ip_address
from time import time
from uuid import UUID

import asyncpg
import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from db.session import DATABASE_AWAY
from server.operations.counts import SharedCounts

__all__ = ["Rate", "RateLimitedError", "Rates"]

USERS_AT_AN_ADDRESS = 10
"""An address may do as much as so many users: offices and mobile networks share one."""
MOST_COUNTS = 10_000
"""The library looks through all of them at each call, a millisecond with so many."""


logger = structlog.get_logger()


class RateLimitedError(Exception):
    """Too often; the next time is in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


class Rate:
    """So many for each key in any window: one count for each of the clock's windows, kept for two."""

    def __init__(self, item: RateLimitItem, shared: SharedCounts | None = None) -> None:
        self.item = item
        self.storage = MemoryStorage()
        # The library's moving window would be exact, but looks through each key in a thread of its own.
        self.limiter = SlidingWindowCounterRateLimiter(self.storage)
        self.shared = SlidingWindowCounterRateLimiter(shared) if shared else None

    async def take(self, key: str) -> None:
        """Raises RateLimitedError. While the database is away, this process counts by itself."""
        if self.shared:
            try:
                await self._take(self.shared, key)
            except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
                logger.warning("rates_not_shared", reason=type(error).__name__)
            else:
                return
        if len(self.storage.storage) >= MOST_COUNTS:
            await self.storage.reset()  # everybody begins anew: memory is bounded above all
        await self._take(self.limiter, key)

    async def _take(self, limiter: RateLimiter, key: str) -> None:
        if not await limiter.hit(self.item, key):
            stats = await limiter.get_window_stats(self.item, key)
            raise RateLimitedError(max(stats.reset_time - time(), 1))


class Rates:
    """One thing that is done, by user and by address."""

    def __init__(self, a_minute: int, what: str = "", shared: SharedCounts | None = None) -> None:
        most = a_minute * USERS_AT_AN_ADDRESS
        self.users = Rate(RateLimitItemPerMinute(a_minute, namespace=what), shared)
        self.addresses = Rate(RateLimitItemPerMinute(most, namespace=what), shared)

    async def take_user(self, user_id: UUID | None) -> None:
        """Raises RateLimitedError. Who has no id is counted by address alone."""
        if user_id:
            await self.users.take(str(user_id))

    async def take_address(self, address: str | None) -> None:
        """Raises RateLimitedError. A private address may be a proxy's, and so everybody's."""
        if address and _is_public(address):
            await self.addresses.take(_network(address))


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _network(address: str) -> str:
    """Whoever has an IPv6 address has all those of its /64."""
    parsed = ip_address(address)
    return address if parsed.version == 4 else parsed.exploded[:19]
