"""Counts of rate limits in the database, shared by all processes: a storage of the library limits."""

from typing import Any

from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport

from db.session import Database

__all__ = ["SharedCounts"]

PATIENCE = 1.0
"""Seconds for a count: what is limited still has its own time to wait for the database."""


class SharedCounts(Storage, SlidingWindowCounterSupport):
    """For SlidingWindowCounterRateLimiter alone. Raises what db.session does while the database is away."""

    STORAGE_SCHEME = None  # made here, never by an address
    base_exceptions = ()

    def __init__(self, database: Database, *, patience: float = PATIENCE) -> None:
        super().__init__()
        self.database = Database(database.connections, database.readers, timeout=patience)

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if amount != 1:
            raise NotImplementedError
        async with self.database.worker_session() as session:
            return await session.row("count_one_more", key, limit, expiry) is not None

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Both counts with the seconds until each is forgotten."""
        async with self.database.worker_session() as session:
            row = await session.one("counted", key, expiry)
        left = row["share"] * expiry
        return row["before"], left, row["now"], left + expiry

    async def _not_asked_for(self, *_: object, **__: object) -> Any:
        raise NotImplementedError("only other strategies ask for this")

    incr = get = get_expiry = check = reset = clear = clear_sliding_window = _not_asked_for
