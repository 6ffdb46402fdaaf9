"""Connections that are kept: those for sessions have no rights of their own, those for reading only read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, TypeAlias

import asyncpg
import orjson

__all__ = [
    "CONNECT_TIMEOUT",
    "FOR_READING",
    "FOR_SESSIONS",
    "Connection",
    "Connections",
    "open_connections",
    "prepare_connection",
]

CONNECT_TIMEOUT = 4.0
"""Seconds; less than a statement's, since a call into a stall may hang on when the database is back."""

LARGEST_STATEMENT = 200_000
"""Bytes: a selection of as many fields as a document may have stays prepared as well."""

CLOSE_TIMEOUT = 1.0
LONGEST_IDLE = 300.0
"""Seconds: a network may have forgotten a connection that nobody has used for longer."""

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


# What a connection starts with survives RESET ALL.
FOR_SESSIONS = {"role": "studio_nobody"}
"""None has rights outside a session."""
FOR_READING = {
    "role": "authenticated",
    "default_transaction_read_only": "on",
    # What is asked is in the text of a statement; each length of page would else be planned anew.
    "plan_cache_mode": "force_generic_plan",
}
"""For statements that bring the claims of their caller along; without, they see what everybody sees."""

Connection: TypeAlias = asyncpg.Connection


class Connections:
    """A stack of them, at most so many.

    asyncpg's own pool starts a task for each that comes back, which costs as much as half a statement.
    waiting is how many wait for one, or until it is open.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], most: int) -> None:
        self.connect = connect
        self.most = most
        self.waiting = 0
        self._is_closed = False
        self._turns = asyncio.Semaphore(most)
        self._busy: set[Connection] = set()
        self._doubtful: set[Connection] = set()
        self._idle: list[tuple[Connection, float]] = []

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def idle(self) -> int:
        return sum(not connection.is_closed() for connection, _ in self._idle)

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Connection]:
        """One for a block that leaves it as it was found, or ends it. Raises what borrow() raises."""
        connection = await self._borrow()
        try:
            yield connection
        finally:
            self.take_back(connection)

    async def borrow(self, patience: float) -> Connection:
        """One that is to come back, after so many seconds at most.

        Raises what connecting raises, TimeoutError, and InterfaceError once these are closed.
        """
        if self._idle and not self._turns.locked():
            return await self._borrow()  # at once: a timer costs as much again
        async with asyncio.timeout(patience):
            return await self._borrow()

    async def _borrow(self) -> Connection:
        self._refuse_if_closed()
        self.waiting += 1
        try:
            await self._turns.acquire()
            try:
                connection = await self._connection()
            except BaseException:
                self._turns.release()
                raise
        finally:
            self.waiting -= 1
        self._busy.add(connection)
        return connection

    def take_back(self, connection: Connection) -> None:
        """As it was found, or ended."""
        self._busy.discard(connection)
        if self._is_closed or connection in self._doubtful:
            self._doubtful.discard(connection)
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append((connection, monotonic()))
        self._turns.release()

    def expire(self) -> None:
        """None of those that there are now is used once more."""
        self._doubtful |= self._busy
        while connection := self._kept():
            connection.terminate()

    async def close(self) -> None:
        """Waits for what runs, for a bounded time."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for _ in range(self.most):
                    await self._turns.acquire()
                while connection := self._kept():
                    await connection.close()
        self.expire()
        for connection in self._busy:
            connection.terminate()

    async def _connection(self) -> Connection:
        self._refuse_if_closed()  # while this one waited
        connection = self._kept() or await self.connect()
        if self._is_closed:
            connection.terminate()
        self._refuse_if_closed()
        return connection

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise asyncpg.InterfaceError("the connections are closed")

    def _kept(self) -> Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            if monotonic() - since > LONGEST_IDLE:
                connection.terminate()
            elif not connection.is_closed():
                return connection
        return None


@asynccontextmanager
async def open_connections(
    url: str, most: int, timeout: float, settings: Mapping[str, str]
) -> AsyncIterator[Connections]:
    """None is opened before it is needed. timeout, in seconds, is that of each statement."""

    async def connect() -> Connection:
        connection: Connection = await asyncpg.connect(
            url,
            timeout=min(timeout, CONNECT_TIMEOUT),
            command_timeout=timeout,
            max_cacheable_statement_size=LARGEST_STATEMENT,
            server_settings={**SETTINGS, **settings},
        )
        try:
            await prepare_connection(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    connections = Connections(connect, most)
    try:
        yield connections
    finally:
        await connections.close()


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
