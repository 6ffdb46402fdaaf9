"""Readiness follows the database; liveness is the process's own."""

import asyncio
from urllib.parse import urlsplit

import asyncpg


async def test_readiness_follows_the_database_there_and_back(running, settings_for, cluster):
    settings = settings_for()
    database = urlsplit(settings.database_url).path.strip("/")
    admin = await asyncpg.connect(cluster.superuser_url)
    async with running(settings, with_worker=False) as service:

        async def status(path):
            return (await service.anonymous().request("GET", path)).status_code

        assert [await status("/healthz"), await status("/readyz")] == [200, 200]

        await admin.execute(f"alter database {database} allow_connections false")
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", database
        )
        assert [await status("/healthz"), await status("/readyz")] == [200, 503]

        await admin.execute(f"alter database {database} allow_connections true")
        async with asyncio.timeout(10):
            while await status("/readyz") != 200:
                pass
    await admin.close()
