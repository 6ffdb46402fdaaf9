"""One connection outside the pool, and what can be wrong with a database said in one sentence."""

from urllib.parse import SplitResult, urlsplit

import asyncpg

from db.session import COMMAND_TIMEOUT

__all__ = ["OLDEST", "DatabaseUnusableError", "connect", "host_of", "reason"]

OLDEST = 15
SCHEMES = frozenset({"postgresql", "postgres"})
UNREADABLE = "an address that cannot be read"


class DatabaseUnusableError(Exception):
    """The database cannot be used as it is; the text is one sentence for a person."""


async def connect(url: str, *, timeout: float = COMMAND_TIMEOUT) -> asyncpg.Connection:
    """A connection to a server that is new enough; the caller closes it.

    Raises DatabaseUnusableError, whose text never holds the password.
    """
    _check_address(url)
    try:
        connection = await asyncpg.connect(url, timeout=timeout, command_timeout=timeout)
    except asyncpg.PostgresError as error:
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} refuses the connection: {reason(error)}."
        ) from error
    except (OSError, TimeoutError, ValueError, asyncpg.InterfaceError) as error:
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} cannot be reached: {reason(error)}."
        ) from error
    major = connection.get_server_version().major
    if major < OLDEST:
        connection.terminate()
        raise DatabaseUnusableError(
            f"The database at {host_of(url)} is PostgreSQL {major}; Batch Studio needs {OLDEST} or newer."
        )
    return connection


def host_of(url: str) -> str:
    """Where a database is, without its login."""
    parts = _split(url)
    if parts is None:
        return UNREADABLE
    return f"{parts.hostname or 'the local socket'}:{parts.port or 5432}{parts.path}"


def reason(error: BaseException) -> str:
    """What went wrong, as the end of a sentence: without details, hints and the full stop."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first, *_ = str(error).splitlines() or [type(error).__name__]
    return first.rstrip(".")


def _check_address(url: str) -> None:
    """Before the driver does: what it says of an address may quote a piece of the password."""
    parts = _split(url)
    if parts is None:
        raise DatabaseUnusableError(
            "The database's address cannot be read; "
            "in a name or a password, / ? # [ ] and @ must be percent-encoded."
        )
    if parts.scheme not in SCHEMES:
        raise DatabaseUnusableError("The database's address must begin with postgresql://.")


def _split(url: str) -> SplitResult | None:
    """None for what is no address, or where the host seems to be the beginning of a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if "@" in parts.path + parts.query + parts.fragment else parts
