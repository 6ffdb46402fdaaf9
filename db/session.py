"""Short transactions under a role: the viewer's own for a request, studio_worker's for a job.

What asyncpg raises passes through, and the edge masks it. The login may take any of the roles at any
time, so no SQL text of a client's ever gets here.

TransactionLostError    a transaction that had failed inside was to be committed
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, TypeAlias

import asyncpg

from db.pool import FOR_READING, FOR_SESSIONS, Connection, Connections, open_connections
from db.reading.selection import Bound
from db.reading.statements import Statement
from db.statements import statement
from engine.viewer import Viewer

__all__ = [
    "COMMAND_TIMEOUT",
    "DATABASE_AWAY",
    "AccessDenied",
    "Database",
    "Record",
    "ReferenceGone",
    "Session",
    "TransactionLostError",
    "open_database",
]

AccessDenied = asyncpg.InsufficientPrivilegeError
"""The role lacks a right, or a policy refused a row."""

ReferenceGone = asyncpg.ForeignKeyViolationError
"""A row that was there a moment ago, and is referred to by a new one, was deleted meanwhile."""

DATABASE_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection that ends while it is spoken to
)
"""What a statement raises where the server is out of reach, going down, coming up, or held by others."""

COMMAND_TIMEOUT = 7.0
"""Seconds after which any statement, and any transaction with its wait for a connection, is given up.

A database may stall without closing. A request ends within 10 s all the same, so that nothing else
may add up to more than the rest.
"""

ROLLBACK_TIMEOUT = 1.0

READER = "authenticated"
ROLES = frozenset({"anon", READER})

# asyncpg's own leaves the role, which RESET ALL skips.
RESET = "select pg_advisory_unlock_all(); close all; unlisten *; reset all; reset role"
# In one round trip, the commit last: what fails in it has not been committed.
END = f"{RESET}; commit"
UNDO = f"rollback; {RESET}"

Record: TypeAlias = asyncpg.Record


class TransactionLostError(Exception):
    """A statement had failed and its error was kept silent: there was nothing left to commit."""


class Session:
    """One transaction under one role. Statements go by name; rows come back as asyncpg's records."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def rows(self, name: str, *parameters: Any) -> Sequence[asyncpg.Record]:
        return await self.connection.fetch(statement(name), *parameters)

    async def row(self, name: str, *parameters: Any) -> asyncpg.Record | None:
        return await self.connection.fetchrow(statement(name), *parameters)

    async def one(self, name: str, *parameters: Any) -> asyncpg.Record:
        """The row of a statement that always has one."""
        row = await self.row(name, *parameters)
        if row is None:
            raise LookupError(f"{name} gave no row")
        return row

    async def value(self, name: str, *parameters: Any) -> Any:
        return await self.connection.fetchval(statement(name), *parameters)

    async def read(self, statement: Statement, bound: Bound) -> Sequence[asyncpg.Record]:
        """The rows of a compiled statement; JSON in them comes as its bytes. Raises BadCursorError."""
        return await self.connection.fetch(statement.text, *statement.values(bound))

    async def become_worker(self) -> None:
        """The rest of this transaction runs as studio_worker."""
        await self.connection.execute("set local role studio_worker")

    async def become(self, viewer: Viewer) -> None:
        """The rest of this transaction runs as this viewer."""
        await self.connection.execute(_identity(viewer))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails inside is undone alone; the transaction goes on."""
        await self.connection.execute("savepoint step")
        try:
            yield
        except TimeoutError:
            raise  # nothing more is to be heard on this connection
        except Exception:
            with suppress(asyncpg.InterfaceError):  # the connection is gone
                await self.connection.execute("rollback to savepoint step; release savepoint step")
            raise
        await self.connection.execute("release savepoint step")


class Database:
    """Opens sessions on connections that have no rights of their own, and reads without one."""

    def __init__(
        self, connections: Connections, readers: Connections, *, timeout: float = COMMAND_TIMEOUT
    ) -> None:
        self.connections = connections
        self.readers = readers
        self.timeout = timeout

    @asynccontextmanager
    async def session(self, viewer: Viewer) -> AsyncIterator[Session]:
        """A transaction under the viewer's role and claims: committed at the end, else undone."""
        async with self._transaction(f"begin; {_identity(viewer)}") as session:
            yield session

    @asynccontextmanager
    async def worker_session(self) -> AsyncIterator[Session]:
        """A transaction as studio_worker."""
        async with self._transaction("begin; set local role studio_worker") as session:
            yield session

    async def read(self, viewer: Viewer, statement: Statement, bound: Bound) -> Sequence[asyncpg.Record]:
        """What one compiled statement gives under the viewer's role and claims. Raises BadCursorError.

        In one round trip for who is logged in: the readers' connections have the role, and the statement, a
        transaction by itself, brings the claims along.
        """
        if viewer.role != READER:
            async with self._transaction(f"begin read only; {_identity(viewer)}") as session:
                return await session.read(statement, bound)
        values = [*statement.values(bound), _claims(viewer)]
        ends = monotonic() + self.timeout
        connection = await self.readers.borrow(self.timeout)
        try:
            return await connection.fetch(statement.alone, *values, timeout=ends - monotonic())
        except asyncpg.PostgresError:
            raise  # it has answered
        except BaseException as error:
            self._give_up(connection, stalled=isinstance(error, TimeoutError))
            raise
        finally:
            self.readers.take_back(connection)

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Session]:
        """Raises TimeoutError where all of it together takes too long."""
        async with asyncio.timeout(self.timeout) as deadline, self.connections.borrowed() as connection:
            session = Session(connection)
            try:
                await connection.execute(begin)
                yield session
                await _end(connection)
            except BaseException as error:
                if deadline.expired() or isinstance(error, TimeoutError):
                    self._give_up(connection, stalled=True)
                else:
                    await _undo(connection)
                raise
            finally:
                del session.connection  # it may soon be somebody else's

    def _give_up(self, connection: Connection, *, stalled: bool) -> None:
        """Without a word. Where one connection does not answer, the others may not either."""
        connection.terminate()
        if stalled:
            self.connections.expire()
            self.readers.expire()


async def _end(connection: Connection) -> None:
    """Raises TransactionLostError."""
    try:
        await connection.execute(END)
    except asyncpg.InFailedSQLTransactionError as error:
        raise TransactionLostError from error


async def _undo(connection: Connection) -> None:
    """By the server itself, where the connection is gone or does not answer any more."""
    try:
        await connection.execute(UNDO, timeout=ROLLBACK_TIMEOUT)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, Exception):
            raise


def _identity(viewer: Viewer) -> str:
    """Sets role and claims in one round trip, which only a text without parameters allows.

    No text of a client gets in: the role is one of two, the id prints as a UUID does.
    """
    if viewer.role not in ROLES:
        raise ValueError("not a request role")
    return (
        f"select set_config('role', '{viewer.role}', true), "
        f"set_config('request.jwt.claims', '{_claims(viewer)}', true)"
    )


def _claims(viewer: Viewer) -> str:
    subject = f'"sub":"{viewer.user_id}",' if viewer.user_id else ""
    return f'{{{subject}"role":"{viewer.role}"}}'


@asynccontextmanager
async def open_database(
    url: str, *, connections: int = 6, readers: int = 4, timeout: float = COMMAND_TIMEOUT
) -> AsyncIterator[Database]:
    """On the service's own login, with at most so many connections each for sessions and for reading.

    timeout is that of every statement and every transaction, in seconds.
    """
    async with (
        open_connections(url, connections, timeout, FOR_SESSIONS) as for_sessions,
        open_connections(url, readers, timeout, FOR_READING) as for_reading,
    ):
        yield Database(for_sessions, for_reading, timeout=timeout)
