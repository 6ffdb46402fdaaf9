"""A session's role and claims hold inside it and nowhere else, however it ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from db.session import Database, Session, TransactionLostError, open_database
from engine.viewer import ANONYMOUS, Viewer

WHO = "select current_user::text as role, studio.current_user_id() as id"
NOBODY = ("studio_nobody", "no claims")
AS_FOUND = """
    select current_user::text, coalesce(nullif(current_setting('request.jwt.claims', true), ''), 'no claims'),
           pg_backend_pid()
"""
OWN = "select count(*) from collections where not shared"
STALL = "select pg_sleep(60)"
OOPS = "oops"


class Oops(Exception):  # noqa: N818 - whatever a caller may raise
    pass


@pytest.fixture
async def narrow(urls) -> AsyncIterator[Database]:
    """One connection, so that the next borrower has the last one's; no statement takes over 2 s."""
    async with open_database(urls.login, connections=1, timeout=2) as database:
        yield database


@pytest.fixture
def as_found(narrow) -> Callable[[], Awaitable[tuple]]:
    """Role, claims and process of the connection that the next borrower gets."""

    async def look() -> tuple:
        async with narrow.connections.borrowed() as connection:
            return tuple(await connection.fetchrow(AS_FOUND))

    return look


async def work(database: Database, viewer: Viewer, *statements: str) -> None:
    """A session in which these are carried out; OOPS is an error of the caller's own."""
    async with database.session(viewer) as session:
        for statement in statements:
            if statement == OOPS:
                raise Oops
            await session.connection.execute(statement)


@asynccontextmanager
async def stalled_work(database: Database, viewer: Viewer) -> AsyncIterator[asyncio.Task[None]]:
    """A session in the middle of a long statement."""
    under_way = asyncio.Event()

    async def stall() -> None:
        async with database.session(viewer) as session:
            under_way.set()
            await session.connection.execute(STALL)

    working = asyncio.create_task(stall())
    await under_way.wait()
    yield working


async def test_role_and_claims_are_the_viewers_inside(database, ada):
    async with database.session(ada) as session:
        row = await session.connection.fetchrow(WHO)
        claims = await session.connection.fetchval("select current_setting('request.jwt.claims')::jsonb")
    assert tuple(row) == ("authenticated", ada.user_id)
    assert claims == {"sub": str(ada.user_id), "role": "authenticated"}


async def test_the_anonymous_have_a_role_and_no_id(database):
    async with database.session(ANONYMOUS) as session:
        assert tuple(await session.connection.fetchrow(WHO)) == ("anon", None)


async def test_a_role_that_is_not_a_requests_is_refused(database, ada):
    with pytest.raises(ValueError, match="not a request role"):
        await work(database, Viewer(user_id=ada.user_id, role="studio_worker"))


async def test_a_new_connection_is_nobodys(as_found):
    assert (await as_found())[:2] == NOBODY


@pytest.mark.parametrize("table", ["collections", "images", "studio.turns", "pgq.pgqueuer"])
async def test_nobody_can_read_anything(table, narrow):
    async with narrow.connections.borrowed() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"select from {table}")


@pytest.mark.parametrize("last", ["select 1", "set role anon", "set request.jwt.claims = '{}'", "reset role"])
async def test_nothing_stays_after_a_good_end(last, narrow, as_found, ada):
    before = await as_found()
    await work(narrow, ada, last)
    assert await as_found() == before


@pytest.mark.parametrize(
    ("last", "error"),
    [(OOPS, Oops), ("select 1 / 0", asyncpg.DivisionByZeroError)],
)
async def test_nothing_stays_after_an_error(last, error, narrow, as_found, ada):
    before = await as_found()
    with pytest.raises(error):
        await work(narrow, ada, "select 1", last)
    assert await as_found() == before


async def test_nothing_stays_after_a_statement_that_took_too_long(narrow, as_found, ada):
    with pytest.raises(TimeoutError):
        await work(narrow, ada, STALL)
    assert (await as_found())[:2] == NOBODY


async def test_nothing_stays_after_a_cancellation(narrow, as_found, ada):
    async with stalled_work(narrow, ada) as working:
        working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await as_found())[:2] == NOBODY


async def test_a_second_cancellation_leaves_no_transaction_open(narrow, as_found, ada):
    async with stalled_work(narrow, ada) as working:
        working.cancel()
        await asyncio.wait([working], timeout=0)
        working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (await as_found())[:2] == NOBODY


async def test_a_backend_that_does_not_answer_any_more_is_left_behind(narrow, as_found, ada):
    """A stall, not an end: the connection stays open and silent."""
    *_, pid = await as_found()
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                await work(narrow, ada, "select 1")
            *found, other = await as_found()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert tuple(found) == NOBODY
    assert other != pid


async def test_a_connection_that_was_killed_is_replaced(narrow, as_found, ada, admin):
    *_, pid = await as_found()
    async with stalled_work(narrow, ada) as working:
        await admin.execute("select pg_terminate_backend($1)", pid)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)):
        await working
    assert (await as_found())[:2] == NOBODY


@pytest.mark.parametrize("end", [OOPS, "select 1 / 0"])
async def test_what_fails_leaves_no_row(end, database, ada):
    with pytest.raises((Oops, asyncpg.DivisionByZeroError)):
        await work(database, ada, "insert into collections (name) values ('x')", end)
    async with database.session(ada) as session:
        assert await session.connection.fetchval(OWN) == 0


async def test_a_silenced_error_is_not_taken_for_a_commit(narrow, as_found, ada):
    async def silence() -> None:
        async with narrow.session(ada) as session:
            with suppress(asyncpg.DivisionByZeroError):
                await session.connection.execute("select 1 / 0")

    with pytest.raises(TransactionLostError):
        await silence()
    assert (await as_found())[:2] == NOBODY


async def test_a_savepoint_undoes_its_own_part_alone(database, ada, new_collection):
    async def fail(session: Session) -> None:
        async with session.savepoint():
            await new_collection(session)
            with suppress(asyncpg.DivisionByZeroError):
                async with session.savepoint():
                    await session.connection.execute("select 1 / 0")
            raise Oops

    async with database.session(ada) as session:
        await new_collection(session)
        with pytest.raises(Oops):
            await fail(session)
        assert await session.connection.fetchval(OWN) == 1


async def test_a_session_is_of_no_use_once_it_has_ended(database, ada):
    async with database.session(ada) as session:
        pass
    with pytest.raises(AttributeError):
        await session.rows("usage", ada.user_id)


async def test_a_session_may_become_the_worker_and_a_viewer_again(database, ada):
    async with database.session(ada) as session:
        await session.become_worker()
        assert await session.connection.fetchval("select current_user::text") == "studio_worker"
        await session.become(ANONYMOUS)
        assert tuple(await session.connection.fetchrow(WHO)) == ("anon", None)


async def test_a_role_taken_inside_a_savepoint_ends_with_it(database, ada):
    async def fail(session: Session) -> None:
        async with session.savepoint():
            await session.become_worker()
            raise Oops

    async with database.session(ada) as session:
        with pytest.raises(Oops):
            await fail(session)
        assert tuple(await session.connection.fetchrow(WHO)) == ("authenticated", ada.user_id)


async def test_the_anonymous_see_what_is_shared_and_nothing_else(house):
    tables = ("collections", "templates", "batches", "generations", "images")
    async with house.as_(ANONYMOUS) as connection:
        seen = [await connection.fetchval(f"select count(*) from {table}") for table in tables]
    assert seen == [2, 12, 0, 0, 0]


async def test_json_comes_and_goes_as_values(database, ada):
    value = {"a": [1, None, "ü"], "b": {"c": 0.5}}
    async with database.session(ada) as session:
        assert await session.connection.fetchval("select $1::jsonb", value) == value
