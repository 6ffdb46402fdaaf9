"""What all parts of one process share: a usable database, hints, numbers, traces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from db.connect import DatabaseUnusableError, connect, host_of
from db.hints import Line, LineHints, open_line_hints
from db.migrate import migrate, our_migrations
from db.nats import nats_line, subject_of
from db.notify import notify_line
from db.samples import add_samples
from db.session import open_database
from engine.seams import Traces
from server.embedded import embedded_postgres
from server.settings import Settings
from server.watching.metrics import Metrics
from server.watching.tracing import open_tracing

__all__ = ["Shared", "Urls", "line_of", "open_hints", "open_shared", "open_urls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """The logins of the service and of the database's owner."""

    login: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the API and the worker of one process have in common."""

    login: str
    hints: LineHints
    metrics: Metrics
    traces: Traces


@asynccontextmanager
async def open_urls(settings: Settings) -> AsyncIterator[Urls]:
    """A database that is ready for use: the one set, or the embedded one, migrated.

    Raises DatabaseUnusableError, MigrationError, EmbeddedPostgresError.
    """
    if settings.database_url and settings.owner_url:
        yield Urls(login=settings.database_url, owner=settings.owner_url)
        return
    async with embedded_postgres(settings.data_dir) as postgres:
        await migrate(postgres.owner_url, postgres.login_url)
        await add_samples(postgres.owner_url)
        yield Urls(login=postgres.login_url, owner=postgres.owner_url)


@asynccontextmanager
async def open_shared(settings: Settings) -> AsyncIterator[Shared]:
    """A database that can be used, and one connection for hints.

    Raises DatabaseUnusableError, MigrationError, EmbeddedPostgresError.
    """
    async with open_urls(settings) as urls:
        await _check_database(urls.login)
        async with open_hints(settings, urls.login) as hints, open_tracing(settings.otel_endpoint) as traces:
            metrics = Metrics()
            metrics.read("hint_lag_seconds", "From telling to hearing a hint", lambda: [((), hints.lag)])
            yield Shared(login=urls.login, hints=hints, metrics=metrics, traces=traces)


@asynccontextmanager
async def open_hints(settings: Settings, login: str) -> AsyncIterator[LineHints]:
    """The hints of one process. Opened also while their server is away: what changed is then seen later."""
    async with open_line_hints(line_of(settings, login)) as hints:
        yield hints


def line_of(settings: Settings, login: str) -> Line:
    """What carries the hints between the processes on one database."""
    if not settings.nats_url:
        return notify_line(login)
    return nats_line(settings.nats_url, subject_of(login))


async def _check_database(login: str) -> None:
    """Raises DatabaseUnusableError where the server cannot be used or lacks migrations."""
    connection = await connect(login)
    await connection.close()
    try:
        missing = await _missing_migrations(login)
    except asyncpg.PostgresError as error:
        raise DatabaseUnusableError(_not_migrated(login, "our roles")) from error
    if missing:
        raise DatabaseUnusableError(_not_migrated(login, f"{missing} migrations"))


async def _missing_migrations(login: str) -> int:
    async with open_database(login) as database, database.worker_session() as session:
        applied = {row[0] for row in await session.rows("applied_versions")}
    return sum(each.version not in applied for each in our_migrations())


def _not_migrated(login: str, what: str) -> str:
    return f"The database at {host_of(login)} lacks {what}; run `batch-studio migrate` first."
