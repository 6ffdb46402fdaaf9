"""Applies the SQL files of migrations/, forward only, each once, in order.

MigrationError
└── EditedMigrationError    a file of ours differs from what was applied
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog

from db.connect import connect, reason

__all__ = [
    "EditedMigrationError",
    "Migration",
    "MigrationError",
    "migrate",
    "our_migrations",
    "pending",
]

FOLDER = Path(__file__).parent.parent / "migrations"
FILE_NAME = re.compile(r"(\d{14})_(\w+)\.sql")
LOCK = 0x42617463685374  # "BatchSt": one runner at a time in one database
MIGRATION_TIMEOUT = 600.0
ROLES = ("anon", "authenticated", "studio_worker", "studio_nobody")
LEDGER = """
    create schema if not exists studio;
    create table if not exists studio.migrations (
        version    text        primary key,
        name       text        not null,
        hash       text        not null,
        applied_at timestamptz not null default now()
    );
    comment on table studio.migrations is 'Which of our migrations this database has, with a hash each.';
    revoke all on studio.migrations from public;
"""
logger = structlog.get_logger()


class MigrationError(Exception):
    """The migrations cannot be applied; the text is one sentence for a person."""


class EditedMigrationError(MigrationError):
    """A file of ours was changed after it had been applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: its 14-digit version, its name, its text."""

    version: str
    name: str
    sql: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(owner_url: str, login_url: str, folder: Path = FOLDER) -> list[str]:
    """Applies what is pending and lets the service's login take the request roles.

    Returns the names applied. Raises DatabaseUnusableError and MigrationError.
    """
    login = await _login(login_url)
    async with _owner(owner_url) as connection:
        await _lock(connection)
        await connection.execute(LEDGER)
        todo = await _pending(connection, our_migrations(folder))
        for migration in todo:
            await _apply(connection, migration)
        await _grant_roles(connection, login)
        return [each.name for each in todo]


async def pending(owner_url: str, folder: Path = FOLDER) -> list[str]:
    """The names of what migrate would apply; changes nothing. Raises as migrate does."""
    async with _owner(owner_url) as connection:
        return [each.name for each in await _pending(connection, our_migrations(folder))]


def our_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The files in order of their versions."""
    found = [(FILE_NAME.fullmatch(file.name), file) for file in sorted(folder.glob("*.sql"))]
    return [
        Migration(version=match[1], name=file.stem, sql=file.read_text(encoding="utf-8"))
        for match, file in found
        if match
    ]


@asynccontextmanager
async def _owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(url)
    try:
        yield connection
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(
            f"The owner's login may not do what the migrations need: {reason(error)}."
        ) from error
    finally:
        await connection.close()


async def _lock(connection: asyncpg.Connection) -> None:
    """Alone among runners, until the connection ends: others wait, then find nothing left to do."""
    try:
        await connection.execute(f"select pg_advisory_lock({LOCK})", timeout=MIGRATION_TIMEOUT)
    except TimeoutError as error:
        raise MigrationError("Another runner of migrations does not end.") from error


async def _pending(connection: asyncpg.Connection, files: Sequence[Migration]) -> list[Migration]:
    applied = await _applied(connection)
    elsewhere = await _applied_by_supabase(connection)
    for each in files:
        if applied.get(each.version, each.hash) != each.hash:
            raise EditedMigrationError(
                f"The migration {each.name} was edited after it had been applied; "
                "put the file back and write a new one."
            )
    return [each for each in files if each.version not in applied and each.version not in elsewhere]


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    if not await connection.fetchval("select to_regclass('studio.migrations') is not null"):
        return {}
    rows = await connection.fetch("select version, hash from studio.migrations")
    return {row["version"]: row["hash"] for row in rows}


async def _applied_by_supabase(connection: asyncpg.Connection) -> set[str]:
    """The versions that `supabase db push` lists in its own ledger."""
    ledger = "supabase_migrations.schema_migrations"
    if not await connection.fetchval("select to_regclass($1) is not null", ledger):
        return set()
    return {row["version"] for row in await connection.fetch(f"select version from {ledger}")}  # noqa: S608


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=MIGRATION_TIMEOUT)
            await connection.execute(
                "insert into studio.migrations (version, name, hash) values ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.hash,
            )
    except (asyncpg.PostgresError, TimeoutError) as error:
        raise MigrationError(f"The migration {migration.name} failed: {reason(error)}.") from error
    logger.info("migration_applied", migration=migration.name)


async def _grant_roles(connection: asyncpg.Connection, login: str) -> None:
    """Only what the login may not take yet: an owner need not be able to grant what is there already."""
    has_limits = connection.get_server_version().major >= 16
    missing = await connection.fetchval(
        "select string_agg(role, ', ') from unnest($1::text[]) as role where not pg_has_role($2, role, $3)",
        ROLES,
        login,
        "set" if has_limits else "member",
    )
    if missing:
        limits = " with inherit false, set true" if has_limits else ""
        quoted = await connection.fetchval("select quote_ident($1)", login)
        await connection.execute(f"grant {missing} to {quoted}{limits}")


async def _login(url: str) -> str:
    """What the database calls it: a pooler's address may spell it another way."""
    connection = await connect(url)
    try:
        name: str = await connection.fetchval("select session_user")
    finally:
        await connection.close()
    return name
