"""Says what is configured, reachable and missing."""

import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import click

from db.connect import DatabaseUnusableError, connect, host_of, reason
from db.hints import try_line
from db.migrate import MigrationError, pending
from engine.seams import StorageError
from server.embedded import EmbeddedPostgres, EmbeddedPostgresError, embedded_postgres
from server.settings import Settings, SettingsError, refuse_open_door
from server.shared import Urls, line_of
from server.wiring import storage_of

__all__ = ["examine", "psql_command"]

Finding = tuple[bool, str]


async def examine(settings: Settings) -> bool:
    """Prints a line a thing; whether all of them are well."""
    findings: list[Finding] = []
    try:
        async with _database(settings) as (urls, where):
            findings.append((True, f"database   {where}"))
            findings += [await _looked(look, urls) for look in (_migrations, _roles, _queue)]
            findings.append(await _hints(settings, urls))
    except (DatabaseUnusableError, EmbeddedPostgresError, MigrationError) as error:
        findings.append((False, f"database   {error}"))
    findings += [(True, f"provider   {each}") for each in _providers(settings)]
    findings.append(await _storage(settings))
    findings.append(_identity(settings))
    for well, text in findings:
        click.echo(f"{'ok     ' if well else 'MISSING'}  {text}")
    return all(well for well, _ in findings)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[tuple[Urls, str]]:
    if settings.database_url and settings.owner_url:
        connection = await connect(settings.database_url)
        version = connection.get_server_version()
        await connection.close()
        # From version 10 on, asyncpg has 15.18 as 15.0.18.
        where = f"PostgreSQL {version.major}.{version.micro} at {host_of(settings.database_url)}"
        yield Urls(login=settings.database_url, owner=settings.owner_url), where
        return
    async with embedded_postgres(settings.data_dir) as postgres:
        where = f"embedded; while the service runs, look inside with {psql_command(postgres)}"
        yield Urls(login=postgres.login_url, owner=postgres.owner_url), where


def psql_command(postgres: EmbeddedPostgres) -> str:
    """For a shell. As the superuser: whoever else logs in is shown no rows by the policies."""
    folder = shlex.quote(str(postgres.socket_dir))
    return f"PGPASSFILE={shlex.quote(str(postgres.pgpass))} psql -h {folder} -U postgres batch_studio"


async def _looked(look: Callable[[Urls], Awaitable[Finding]], urls: Urls) -> Finding:
    try:
        return await look(urls)
    except (DatabaseUnusableError, MigrationError, asyncpg.PostgresError) as error:
        return False, f"{look.__name__.strip('_'):<9}  {error}"


async def _migrations(urls: Urls) -> Finding:
    missing = await pending(urls.owner)
    if missing:
        return False, f"migrations {len(missing)} pending: run `batch-studio migrate`"
    return True, "migrations all applied"


async def _roles(urls: Urls) -> Finding:
    """Whether the service's login may take the request roles, and owns nothing."""
    connection = await connect(urls.login)
    try:
        for role in ("anon", "authenticated", "studio_worker", "studio_nobody"):
            await connection.execute(f"set role {role}; reset role")
        owns = await connection.fetchval("select count(*) from pg_tables where tableowner = session_user")
    finally:
        await connection.close()
    if owns:
        return True, (
            "roles      all can be taken; the service's login owns the tables, so connections start in "
            "a role without rights (BATCH_STUDIO_MIGRATION_URL lets another login own them)"
        )
    return True, "roles      all can be taken; the service's login owns nothing"


async def _queue(urls: Urls) -> Finding:
    connection = await connect(urls.login)
    try:
        await connection.execute("set role studio_worker")
        waiting = await connection.fetchval("select count(*) from pgq.pgqueuer where status = 'queued'")
    finally:
        await connection.close()
    return True, f"queue      {waiting} jobs waiting"


async def _hints(settings: Settings, urls: Urls) -> Finding:
    """Whether one that is sent comes back; without them the service works, and tells of changes later."""
    servers = ", ".join(urlsplit(each).netloc.rpartition("@")[2] for each in settings.nats_url)
    where = f"hints      by NATS at {servers}" if servers else "hints      by NOTIFY"
    try:
        await try_line(line_of(settings, urls.login))
    except Exception as error:
        return False, f"{where}: none comes back ({reason(error)})"
    return True, where


async def _storage(settings: Settings) -> Finding:
    """Whether it takes a file: a bucket that is not there looks to a reader like a file that is not."""
    try:
        await storage_of(settings).write("doctor", b"Batch Studio was here.", "text/plain")
    except (SettingsError, StorageError) as error:
        return False, f"storage    {settings.storage}: {error}"
    return True, f"storage    {settings.storage}"


def _providers(settings: Settings) -> Iterator[str]:
    yield "demo (draws images on this machine)"
    if settings.replicate_api_token:
        how = "webhooks and polling" if settings.webhooks_on else "polling alone"
        yield f"replicate at {settings.replicate_url}, {len(settings.models)} models, {how}"
    if settings.cog_url:
        yield f"cog at {settings.cog_url}"


def _identity(settings: Settings) -> Finding:
    try:
        refuse_open_door(settings)
    except SettingsError as error:
        return False, f"identity   {error}"
    if settings.local_mode:
        return True, "identity   local mode: this machine's browser is the local user, without a login"
    if settings.jwks_url:
        return True, f"identity   tokens by the key set at {settings.jwks_url}"
    return True, "identity   tokens by BATCH_STUDIO_JWT_SECRET"
