"""A database of a million images of 200 users, for the benches that read.

    uv run python bench/million.py [--data FOLDER] [--users 200]

An embedded PostgreSQL in that folder, filled unless it is: a bench with the same folder uses it again, with
newer migrations applied to what is there. A user is 5,000 images; what there is, million.sql says.
"""

import argparse
import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
from service import is_setting, temporary_folder
from stage import PROGRAM

from server.embedded import EmbeddedPostgres, embedded_postgres

__all__ = ["Million", "add_options", "million", "opened"]

USERS = 200
SETTINGS = {
    # What is filled in can be filled in again, and is never written while it is measured.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    # Else it would look at the new tables in the middle of a bench: `vacuum analyze` is done here.
    "autovacuum": "off",
}
STEP = re.compile(r"^-- step: (.+)\n", re.MULTILINE)
TABLES = ("collections", "templates", "batches", "generations", "images")
INDEXES = """
    select format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    from pg_index
    where indrelid = any($1::regclass[])
      and not exists (select from pg_constraint where conindid = indexrelid and contype <> 'f')
"""
FOREIGN_KEYS = """
    select format('alter table %s drop constraint %I', conrelid::regclass, conname),
           format('alter table %s add constraint %I %s', conrelid::regclass, conname, definition)
    from pg_constraint
    cross join pg_get_constraintdef(oid) as definition
    where contype = 'f' and conrelid = any($1::regclass[])
"""
FILLED = "select exists (select from batches)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Million:
    """The filled database, its addresses, and somebody who sees all of it."""

    postgres: EmbeddedPostgres
    folder: Path
    database: asyncpg.Connection

    async def somebody(self) -> UUID:
        """One user of them all, in the middle of the table."""
        users = await self.database.fetch("select distinct user_id from batches order by user_id")
        return UUID(str(users[len(users) // 2][0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    add_options(parser)
    asyncio.run(_show(parser.parse_args()))


def add_options(parser: argparse.ArgumentParser) -> None:
    """--data and --users, for every bench on this database."""
    parser.add_argument("--data", type=Path, help="the folder of the database, kept; else a temporary one")
    parser.add_argument("--users", type=int, default=USERS, help="of 5,000 images each")


async def _show(given: argparse.Namespace) -> None:
    async with opened(given) as filled:
        for table in TABLES:
            count = await filled.database.fetchval(f"select count(*) from {table}")
            size = await filled.database.fetchval("select pg_size_pretty(pg_total_relation_size($1))", table)
            print(f"  {table:12}{count:>12,}{size:>12}")


def opened(given: argparse.Namespace) -> AbstractAsyncContextManager[Million]:
    """As the options say."""
    return million(given.data, given.users)


@asynccontextmanager
async def million(folder: Path | None, users: int = USERS) -> AsyncIterator[Million]:
    """The filled database; without a folder, gone at the end of the block."""
    async with AsyncExitStack() as stack:
        folder = folder or stack.enter_context(temporary_folder())
        postgres = await stack.enter_async_context(embedded_postgres(folder, settings=SETTINGS))
        is_changed = await _migrate(postgres)
        database = await asyncpg.connect(postgres.superuser_url, database="batch_studio")
        stack.push_async_callback(database.close)
        if not await database.fetchval(FILLED):
            await _fill(database, users)
            is_changed = True
        if is_changed:
            await _settle(database)
        yield Million(postgres=postgres, folder=folder, database=database)


async def _migrate(postgres: EmbeddedPostgres) -> bool:
    """Whether there was anything to apply."""
    own = {name: text for name, text in os.environ.items() if not is_setting(name)} | {
        "BATCH_STUDIO_LOG_LEVEL": "warning"
    }
    urls = {"DATABASE_URL": postgres.login_url, "BATCH_STUDIO_MIGRATION_URL": postgres.owner_url}
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "migrate", "--samples", cwd="/", env=own | urls, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("The database could not be migrated.")
    return not told.startswith(b"Nothing to apply.")


async def _fill(database: asyncpg.Connection, users: int) -> None:
    """All or nothing: what was broken off is begun anew."""
    async with database.transaction():
        await database.execute("set local work_mem = '256MB'; set local maintenance_work_mem = '512MB'")
        await database.execute(f"set local bench.users = {users}")
        indexes = await database.fetch(INDEXES, TABLES)
        foreign_keys = await database.fetch(FOREIGN_KEYS, TABLES)
        await _step(database, "without indexes", [each[0] for each in [*foreign_keys, *indexes]])
        for name, statements in _steps():
            await _step(database, name, [statements])
        await _step(database, "indexes", [each[1] for each in indexes])
        await _step(database, "foreign keys", [each[1] for each in foreign_keys])


async def _settle(database: asyncpg.Connection) -> None:
    """What autovacuum would do in time."""
    await _step(database, "vacuum", [f"vacuum (freeze, analyze) {table}" for table in TABLES])
    await _step(database, "checkpoint", ["checkpoint"])


def _steps() -> Iterator[tuple[str, str]]:
    _, *parts = STEP.split(Path(__file__).with_suffix(".sql").read_text())
    yield from zip(parts[::2], parts[1::2], strict=True)


async def _step(database: asyncpg.Connection, name: str, statements: Sequence[str]) -> None:
    began = time.monotonic()
    for each in statements:
        await database.execute(each)
    print(f"  {name:24}{time.monotonic() - began:>6.1f} s", flush=True)


if __name__ == "__main__":
    main()
