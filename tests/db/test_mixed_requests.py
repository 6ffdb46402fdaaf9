"""Requests of many users over few connections, ended in every way: no row of another, nothing stays."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import cycle, islice
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from db.pool import Connections
from db.reading.selection import Bound
from db.reading.statements import Statement
from db.session import Database, Session, open_database
from engine.viewer import ANONYMOUS, Viewer

CONNECTIONS = 4
AT_ONCE = 48
TABLES = ("collections", "templates", "batches", "generations", "images")
WHO = "select current_user::text as role, studio.current_user_id() as id"
SHARED = {
    "collections": "shared",
    "templates": "collection_id in (select id from collections where shared)",
}
FOREIGN = "select " + " + ".join(
    f"(select count(*) from {table} where user_id is distinct from $1 and not ({SHARED.get(table, 'false')}))"
    for table in TABLES
)
READ = Statement(
    "select current_user::text as role, studio.current_user_id() as id,"
    " (select count(*) from collections where user_id is distinct from $1 and not shared) as foreign",
    [lambda bound: bound.named["user"]],
)
AS_FOUND = """
    select current_user::text, coalesce(nullif(current_setting('request.jwt.claims', true), ''), 'no claims'),
           current_setting('statement_timeout'), pg_current_xact_id_if_assigned() is null,
           (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory')
"""
CLEAN = ("studio_nobody", "no claims", "0", True, 0)
CLEAN_READER = ("authenticated", *CLEAN[1:])
OPEN = """
    select count(*) from pg_stat_activity
    where datname = $1 and usename = 'studio_app' and xact_start is not null
"""
PATIENCE = 20


class Oops(Exception):  # noqa: N818 - whatever a resolver may raise
    pass


EXPECTED = (Oops, asyncpg.DivisionByZeroError, asyncpg.QueryCanceledError, TimeoutError)


async def ends_well(session: Session) -> None:
    """Nothing to do."""


async def fails_here(session: Session) -> None:
    raise Oops


async def fails_there(session: Session) -> None:
    await session.connection.execute("select 1 / 0")


async def times_out_there(session: Session) -> None:
    await session.connection.execute("set local statement_timeout = '5ms'; select pg_sleep(60)")


async def times_out_here(session: Session) -> None:
    async with asyncio.timeout(0.005):
        await session.connection.execute("select pg_sleep(60)")


async def is_cancelled(session: Session) -> None:
    """By who asked, while the statement runs."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_later(0.005, task.cancel)
    await session.connection.execute("select pg_sleep(60)")


async def leaves_a_mess(session: Session) -> None:
    await session.connection.execute(
        "set role anon; set request.jwt.claims = '{}'; set statement_timeout = 1; "
        "select pg_advisory_lock(1); listen anything"
    )


async def is_the_worker_at_last(session: Session) -> None:
    await session.become_worker()


GOOD = (ends_well, is_the_worker_at_last)
ENDS = [
    *GOOD * 6,
    fails_here,
    fails_there,
    times_out_there,
    is_cancelled,
    fails_here,
    leaves_a_mess,
    times_out_here,
]


class Crowd:
    """Users who ask over one pool; kept is how many collections each must have in the end."""

    def __init__(
        self, database: Database, users: int, new_collection: Callable[..., Awaitable[UUID]]
    ) -> None:
        self.database = database
        self.viewers = [*(Viewer(user_id=uuid4(), role="authenticated") for _ in range(users)), ANONYMOUS]
        self.new_collection = new_collection
        self.kept: Counter[UUID | None] = Counter()
        self.foreign = 0
        self.ended: Counter[str] = Counter()

    async def ask(self, requests: int) -> None:
        """So many requests, a few dozen at once."""
        turns = iter(islice(zip(cycle(self.viewers), cycle(ENDS), strict=False), requests))

        async def keep_asking() -> None:
            for viewer, end in turns:
                asked = asyncio.create_task(self._request(viewer, end))
                with suppress(asyncio.CancelledError, *EXPECTED):
                    await asked
                self.ended[end.__name__] += 1

        await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))

    async def _request(self, viewer: Viewer, end: Callable[[Session], Awaitable[None]]) -> None:
        await self._read(viewer)
        async with self.database.session(viewer) as session:
            assert tuple(await session.connection.fetchrow(WHO)) == (viewer.role, viewer.user_id)
            self.foreign += await session.connection.fetchval(FOREIGN, viewer.user_id)
            if viewer.user_id:
                await self.new_collection(session)
            await end(session)
        self.kept[viewer.user_id] += viewer.user_id is not None

    async def _read(self, viewer: Viewer) -> None:
        bound = Bound(arguments=(), named={"user": viewer.user_id})
        [row] = await self.database.read(viewer, READ, bound)
        assert (row["role"], row["id"]) == (viewer.role, viewer.user_id)
        self.foreign += row["foreign"]

    async def owned(self, viewer: Viewer) -> int:
        async with self.database.session(viewer) as session:
            return await session.connection.fetchval("select count(*) from collections where not shared")


async def as_found(connections: Connections) -> tuple:
    async with connections.borrowed() as connection:
        return tuple(await connection.fetchrow(AS_FOUND))


async def none_open(admin: asyncpg.Connection, *, name: str) -> None:
    """Returns when no transaction is open any more: the server needs a second to see who has left."""
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(OPEN, name):
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("requests", "users"), [(1_000, 10), pytest.param(20_000, 50, marks=pytest.mark.acceptance)]
)
async def test_requests_never_mix_and_leave_nothing_behind(requests, users, urls, admin, new_collection):
    async with open_database(urls.login, connections=CONNECTIONS) as database:
        crowd = Crowd(database, users, new_collection)
        await crowd.ask(requests)

        assert crowd.foreign == 0
        assert crowd.ended.total() == requests
        assert len(crowd.ended) == len(set(ENDS))
        await none_open(admin, name=urlsplit(urls.login).path.strip("/"))
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(as_found(database.connections)) for _ in range(4 * CONNECTIONS)]
        assert {look.result() for look in looks} == {CLEAN}
        assert await as_found(database.readers) == CLEAN_READER
        owned = [await crowd.owned(viewer) for viewer in crowd.viewers]
        assert owned == [crowd.kept[viewer.user_id] for viewer in crowd.viewers]
        assert sum(owned) > requests / 2
