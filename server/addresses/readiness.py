"""GET /readyz: whether requests can be answered, and what is missing otherwise."""

import asyncio
from collections.abc import Iterator
from time import monotonic

import asyncpg
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from db.migrate import our_migrations
from db.session import DATABASE_AWAY, Database, Session
from engine.seams import Storage, StorageError

__all__ = ["Readiness"]

TIMEOUT = 5.0
STORAGE_GOOD_FOR = 10.0
"""Seconds: a look at a bucket has its price."""
UNKNOWN_FILE = "readyz"
PARTS = ("database", "migrations", "queue", "storage")


class Readiness:
    """A line for each part; 503 where one is away."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.database = database
        self.storage = storage
        self.versions = {each.version for each in our_migrations()}
        self._storage_seen = -STORAGE_GOOD_FOR

    async def get(self, _: Request) -> Response:
        well, stored = await asyncio.gather(self._database_parts(), self._has_storage())
        well |= {"storage"} if stored else set()
        return PlainTextResponse("".join(_lines(well)), 200 if well == set(PARTS) else 503)

    async def _database_parts(self) -> set[str]:
        """Those that are well."""
        well = set()
        try:
            async with asyncio.timeout(TIMEOUT), self.database.worker_session() as session:
                await session.value("alive")
                well.add("database")
                if await self._is_migrated(session):
                    well.add("migrations")
                await session.value("queue_is_there")
                well.add("queue")
        except (*DATABASE_AWAY, asyncpg.PostgresError):
            pass  # what comes after the failure is not well either
        return well

    async def _is_migrated(self, session: Session) -> bool:
        return self.versions <= {row[0] for row in await session.rows("applied_versions")}

    async def _has_storage(self) -> bool:
        """Whether it answers, if only that there is no such file."""
        if monotonic() - self._storage_seen < STORAGE_GOOD_FOR:
            return True
        try:
            async with asyncio.timeout(TIMEOUT):
                await self.storage.read(UNKNOWN_FILE)
        except (StorageError, TimeoutError):
            return False
        self._storage_seen = monotonic()
        return True


def _lines(well: set[str]) -> Iterator[str]:
    yield "ready\n" if well == set(PARTS) else "not ready\n"
    for part in PARTS:
        yield f"{part} {'ok' if part in well else 'away'}\n"
