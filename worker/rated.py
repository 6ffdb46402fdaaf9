"""A queue whose jobs each need a permit: the permit first, then the fair-next job.

A provider's rate is one row for all workers of a database. A permit is taken at most a second ahead
and waited for before the next job is chosen, so that whoever's turn comes meanwhile is served with it:
neither slots nor reservations queue one user behind another.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

from pgqueuer import Queries, QueueManager
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter

from db.session import Database

__all__ = ["Governor", "RatedQueue"]

HORIZON = 0.1
"""Seconds of permits taken at once, where they are closer than that."""
MARGIN = 0.98
"""Of the rate that is used: calls do not leave at even distances, and a minute slides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Governor:
    """Permits to ask a provider, so many a minute over all workers."""

    database: Database
    provider: str
    a_minute: int

    async def take(self, most: int) -> int:
        """Waits for at least one permit and returns how many; 0 where none comes within a second."""
        apart = 60 / (self.a_minute * MARGIN)
        count = max(1, min(most, int(HORIZON / apart)))
        async with self.database.worker_session() as session:
            await session.rows("open_rate", self.provider)
            wait = await session.value("take_permits", self.provider, count, apart)
        if wait is None:
            return 0
        await asyncio.sleep(max(0.0, wait))
        return count

    async def is_needed(self, heartbeat: timedelta) -> bool:
        """Whether any job waits for a permit, or was left by a worker that is gone."""
        async with self.database.worker_session() as session:
            return bool(await session.value("rated_jobs_wait", heartbeat))


class RatedQueue(QueueManager):
    """PgQueuer's manager with a permit before each dequeue."""

    def __init__(self, queries: Queries, governor: Governor) -> None:
        super().__init__(queries)
        self.governor = governor

    async def fetch_jobs(
        self,
        batch_size: int,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> AsyncGenerator[Job, None]:
        limits = {
            name: EntrypointExecutionParameter(concurrency_limit=0) for name in self.entrypoint_registry
        }
        while not self.shutdown.is_set():
            free = (global_concurrency_limit or batch_size) - len(self.job_context)
            if free < 1 or not await self.governor.is_needed(heartbeat_timeout):
                return
            permits = await self.governor.take(min(free, batch_size))
            if not permits:
                return
            for job in await self.queries.dequeue(
                batch_size=permits,
                entrypoints=limits,
                queue_manager_id=self.queue_manager_id,
                global_concurrency_limit=global_concurrency_limit,
                heartbeat_timeout=heartbeat_timeout,
            ):
                yield job
