"""One connection outside the pool, and what can be wrong with a database said in one sentence."""

from urllib.parse import urlsplit

import asyncpg

from db.session import COMMAND_TIMEOUT

__all__ = ["OLDEST", "DatabaseUnusableError", "connect", "host_of"]

OLDEST = 15


class DatabaseUnusableError(Exception):
    """The database cannot be used as it is; the text is one sentence for a person."""


async def connect(url: str, *, timeout: float = COMMAND_TIMEOUT) -> asyncpg.Connection:
    """A connection to a server that is new enough; the caller closes it.

    Raises DatabaseUnusableError, whose text never holds the password.
    """
    try:
        connection = await asyncpg.connect(url, timeout=timeout, command_timeout=timeout)
    except asyncpg.PostgresError as error:
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} refuses the connection: {error}."
        ) from error
    except (OSError, TimeoutError, ValueError, asyncpg.InterfaceError) as error:
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} cannot be reached: {_reason(error)}."
        ) from error
    major = connection.get_server_version().major
    if major < OLDEST:
        await connection.close()
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} is PostgreSQL {major}; Batch Studio needs {OLDEST} or newer."
        )
    return connection


def host_of(url: str) -> str:
    """Where a database is, without its login."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or 'the local socket'}:{parts.port or 5432}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if isinstance(error, ValueError) else str(error).rstrip(".")
