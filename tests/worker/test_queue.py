"""A worker's jobs and rounds: what fails comes again, what is old goes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from db.jobs import feed
from db.session import Database, Session
from engine.seams import Run
from worker.fakes import ScriptedProvider
from worker.queue import run_worker

PATIENCE = 8.0
"""Seconds; less than a round, which would find a lost job."""

SAVED = "select saved from generations where id = $1"
KEYS = """
    insert into studio.idempotency_keys (user_id, key, input_hash, created_at)
    select gen_random_uuid(), age, '', now() - age::interval from unnest('{6 days, 8 days}'::text[]) as age
"""


class FlickeringDatabase(Database):
    """Refuses one session after its light has gone out."""

    is_out = False

    @asynccontextmanager
    async def worker_session(self) -> AsyncIterator[Session]:
        if self.is_out:
            self.is_out = False
            raise ConnectionRefusedError
        async with super().worker_session() as session:
            yield session


class StumblingProvider(ScriptedProvider):
    """Has a bug that shows once, and takes the database's light along."""

    def __init__(self, picture: bytes, database: FlickeringDatabase) -> None:
        super().__init__(picture)
        self.database = database
        self.has_stumbled = False

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        if not self.has_stumbled:
            self.has_stumbled = self.database.is_out = True
            raise LookupError("a bug")
        return await super().prepare(run)


@asynccontextmanager
async def working(shop, url) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    worker = asyncio.create_task(run_worker(shop, url, concurrency=10, stopping=stopping))
    try:
        yield
    finally:
        stopping.set()
        with suppress(asyncio.CancelledError):
            await worker


@pytest.fixture
def saved(database):
    """Waits until a generation is saved."""

    async def wait(generation_id):
        async with asyncio.timeout(PATIENCE):
            while True:
                async with database.worker_session() as session:
                    is_saved = await session.connection.fetchval(SAVED, generation_id)
                if is_saved:
                    return
                await asyncio.sleep(0.05)

    return wait


async def test_a_worker_forgets_idempotency_keys_after_a_week(shop, database, urls):
    async with database.worker_session() as session:
        await session.connection.execute(KEYS)
    async with working(shop, urls.login), asyncio.timeout(PATIENCE):
        while True:
            async with database.worker_session() as session:
                rows = await session.connection.fetch("select key from studio.idempotency_keys")
            if len(rows) == 1:
                break
            await asyncio.sleep(0.05)

    assert [row["key"] for row in rows] == ["6 days"]


async def test_a_fault_that_cannot_be_counted_does_not_cost_the_job(
    make_shop, database, urls, seed, ada, picture, saved
):
    flickering = FlickeringDatabase(database.connections, database.readers)
    provider = StumblingProvider(picture, flickering)
    shop = make_shop(database=flickering, providers={"scripted": provider})
    [generation_id] = await seed()
    async with database.worker_session() as session:
        await feed(session, ada.user_id)

    with capture_logs() as logs:
        async with working(shop, urls.login):
            await saved(generation_id)

    assert [entry["job"] for entry in logs if entry["event"] == "job_failed"] == ["submit"]
    assert not flickering.is_out
