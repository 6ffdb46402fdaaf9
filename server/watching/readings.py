"""What the metrics read of the database: how the queue stands, how long a provider is waited for."""

import asyncio
from time import monotonic

import asyncpg
import structlog

from db.session import DATABASE_AWAY, Database
from server.watching.metrics import Metrics, Values

__all__ = ["Readings"]

GOOD_FOR = 5.0
"""Seconds: however many ask, the database is asked no more often."""

logger = structlog.get_logger()


class Readings:
    """The last look. While the database is away there are no values, which says so."""

    def __init__(self, metrics: Metrics, database: Database) -> None:
        self.database = database
        self._looked = -GOOD_FOR
        self._looking = asyncio.Lock()
        self._queue: list[asyncpg.Record] = []
        self._rates: list[asyncpg.Record] = []
        metrics.read("queue_jobs", "Jobs in the queue", self._jobs, "job", "state")
        metrics.read("queue_age_seconds", "How long the oldest has been due", self._ages, "job", "state")
        metrics.read("throttle_seconds", "Until a provider may next be called", self._waits, "provider")

    async def refresh(self) -> None:
        """Looks again where the last look is too old."""
        async with self._looking:
            if monotonic() - self._looked >= GOOD_FOR:
                await self._look()
                self._looked = monotonic()

    async def _look(self) -> None:
        try:
            async with self.database.worker_session() as session:
                self._queue = list(await session.rows("queue_depth"))
                self._rates = list(await session.rows("rate_waits"))
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            logger.warning("readings_failed", reason=type(error).__name__)
            self._queue, self._rates = [], []

    def _jobs(self) -> Values:
        return [((row["job"], row["state"]), row["jobs"]) for row in self._queue]

    def _ages(self) -> Values:
        return [((row["job"], row["state"]), row["age"]) for row in self._queue]

    def _waits(self) -> Values:
        return [((row["provider"],), row["wait"]) for row in self._rates]
