"""Connections: those for sessions have no rights of their own, those for reading can only read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import asyncpg
import orjson

__all__ = [
    "CONNECT_TIMEOUT",
    "RESET",
    "PooledConnection",
    "Readers",
    "open_pool",
    "open_readers",
    "prepare_connection",
]

CONNECT_TIMEOUT = 4.0
"""Seconds; less than a statement's, since a call into a stall may hang on when the database is back."""

LARGEST_STATEMENT = 200_000
"""Bytes: a selection of as many fields as a document may have stays prepared as well."""

CLOSE_TIMEOUT = 1.0

# asyncpg's own leaves the role, which RESET ALL skips.
RESET = "select pg_advisory_unlock_all(); close all; unlisten *; reset all; reset role"

SETTINGS = {
    "application_name": "batch-studio",
    "timezone": "UTC",
    "jit": "off",
    # A process that was stopped, or cut off, within a transaction keeps its locks no longer; its
    # other transactions must have given up by then, or each would hold them as long again.
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "5s",
    # A statement that we have given up would else run on in the server for as long as it takes.
    "client_connection_check_interval": "1s",
}


Connection: TypeAlias = asyncpg.Connection


class PooledConnection(asyncpg.Connection):
    """A connection that knows whether its last session has left it as it was found."""

    is_clean = False

    def keep_clean(self) -> None:
        """It was reset already."""
        self.is_clean = True


@asynccontextmanager
async def open_pool(url: str, connections: int, timeout: float) -> AsyncIterator[asyncpg.Pool]:
    """For sessions. Raises OSError and asyncpg.PostgresError."""
    pool = await asyncpg.create_pool(
        url,
        min_size=0,  # asyncpg would else log a traceback a second while the database is away
        max_size=connections,
        connection_class=PooledConnection,
        init=prepare_connection,
        reset=_reset,
        # What a connection starts with survives RESET ALL, so none ever has rights outside a session.
        **_options(timeout, role="studio_nobody"),
    )
    try:
        yield pool
    finally:
        await _close(pool)


class Readers:
    """Connections for statements that read and bring the claims of their caller along.

    Such a statement leaves nothing that had to be undone, so a stack keeps them: to take one back, asyncpg's
    pool starts a task, which costs as much as half a statement. waiting is how many wait for one.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], most: int) -> None:
        self.connect = connect
        self.waiting = 0
        self.busy = 0
        self._idle: list[Connection] = []
        self._turns = asyncio.Semaphore(most)

    @property
    def idle(self) -> int:
        return sum(not each.is_closed() for each in self._idle)

    async def fetch(self, text: str, *values: Any) -> Sequence[asyncpg.Record]:
        """The rows of one statement. Raises what connecting and asking raises."""
        await self._turn()
        self.busy += 1
        try:
            return await self._fetch(self._kept() or await self.connect(), text, values)
        finally:
            self.busy -= 1
            self._turns.release()

    def expire(self) -> None:
        """Those that wait are not used any more."""
        while connection := self._kept():
            connection.terminate()

    async def _turn(self) -> None:
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1

    def _kept(self) -> Connection | None:
        while self._idle:
            if not (connection := self._idle.pop()).is_closed():
                return connection
        return None

    async def _fetch(
        self, connection: Connection, text: str, values: Sequence[Any]
    ) -> Sequence[asyncpg.Record]:
        try:
            return await connection.fetch(text, *values)
        except asyncpg.PostgresError:
            raise  # it has answered
        except BaseException:
            connection.terminate()
            raise
        finally:
            if not connection.is_closed():
                self._idle.append(connection)


@asynccontextmanager
async def open_readers(url: str, connections: int, timeout: float) -> AsyncIterator[Readers]:
    """At most so many. Without claims, they see what everybody sees."""

    options = _options(
        timeout,
        role="authenticated",
        default_transaction_read_only="on",
        # What is asked is in the text of a statement; each length of page would else be planned anew.
        plan_cache_mode="force_generic_plan",
    )

    async def connect() -> Connection:
        connection: Connection = await asyncpg.connect(url, **options)
        try:
            await prepare_connection(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    readers = Readers(connect, connections)
    try:
        yield readers
    finally:
        readers.expire()


def _options(timeout: float, **settings: str) -> dict[str, Any]:
    return {
        "timeout": min(timeout, CONNECT_TIMEOUT),
        "command_timeout": timeout,
        "max_cacheable_statement_size": LARGEST_STATEMENT,
        "server_settings": {**SETTINGS, **settings},
    }


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """JSON columns come and go as Python values, in binary, which rows within rows need.

    They are jsonb; json is what a statement has made for a client, and goes there as it is.
    """
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=orjson.dumps, decoder=bytes, format="binary"
    )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_dump_jsonb, decoder=_load_jsonb, format="binary"
    )


def _dump_jsonb(value: Any) -> bytes:
    """A text is JSON already (PgQueuer's own parameters); asyncpg has a UUID type of its own."""
    data = value.encode() if isinstance(value, str) else orjson.dumps(value, default=str)
    return b"\x01" + data


def _load_jsonb(data: bytes) -> Any:
    """After the byte that says which version of the format follows."""
    return orjson.loads(data[1:])


async def _reset(connection: asyncpg.Connection) -> None:
    """Whatever a session did, the next borrower starts as nobody."""
    pooled = cast("PooledConnection", connection)
    if not pooled.is_clean:
        await pooled.execute(RESET)
    pooled.is_clean = False


async def _close(pool: asyncpg.Pool) -> None:
    """Waits for what runs, for a bounded time."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await pool.close()
    except TimeoutError:
        pool.terminate()
