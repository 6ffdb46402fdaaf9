"""How often a caller may do something: so many a minute for a user, and more for an address.

Counted in this process alone, since PostgreSQL would have to be asked before it is spared: N processes
let through N times as much.
"""

from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from uuid import UUID

__all__ = ["Rate", "RateLimitedError", "Rates"]

MINUTE = 60.0
USERS_AT_AN_ADDRESS = 10
"""An address may do as much as so many users: offices and mobile networks share one."""
MOST_KEYS = 100_000


class RateLimitedError(Exception):
    """Too often; the next time is in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds:.1f} s")
        self.seconds = seconds


class Rate:
    """So many a minute for each key, a whole minute's at once (GCRA: one time a key, nothing to expire)."""

    def __init__(self, a_minute: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.apart = MINUTE / a_minute
        self.clock = clock
        self._due: dict[str, float] = {}

    def take(self, key: str) -> None:
        """Raises RateLimitedError."""
        now = self.clock()
        due = max(self._due.get(key, now), now) + self.apart
        early = due - now - MINUTE
        if early > self.apart / 1000:
            raise RateLimitedError(early)
        if len(self._due) >= MOST_KEYS:
            self._forget_past(now)
        self._due[key] = due

    def _forget_past(self, now: float) -> None:
        """Those who have been quiet; where that is nobody, everybody: memory is bounded above all."""
        self._due = {key: due for key, due in self._due.items() if due > now}
        if len(self._due) >= MOST_KEYS:
            self._due.clear()


class Rates:
    """One thing that is done, by user and by address."""

    def __init__(self, a_minute: int) -> None:
        self.users = Rate(a_minute)
        self.addresses = Rate(a_minute * USERS_AT_AN_ADDRESS)

    def take_user(self, user_id: UUID | None) -> None:
        """Raises RateLimitedError. Who has no id is counted by address alone."""
        if user_id:
            self.users.take(str(user_id))

    def take_address(self, address: str | None) -> None:
        """Raises RateLimitedError. A private address may be a proxy's, and so everybody's."""
        if address and _is_public(address):
            self.addresses.take(_network(address))


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _network(address: str) -> str:
    """Whoever has an IPv6 address has all those of its /64."""
    parsed = ip_address(address)
    return address if parsed.version == 4 else parsed.exploded[:19]
