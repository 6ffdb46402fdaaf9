"""A statement that reads brings its caller's claims along; its connection has none, however it ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from db.reading.selection import Bound
from db.reading.statements import Statement
from db.session import Database, open_database
from engine.viewer import ANONYMOUS, Viewer

SOMEBODY_ELSE = Viewer(user_id=uuid4(), role="authenticated")
NOTHING = Bound(arguments=(), named={})
WHO = Statement("select current_user::text, studio.current_user_id(), pg_backend_pid()", [])
SEEN = Statement(
    "select (select count(*) from collections where not shared), (select count(*) from batches)", []
)
STALL = Statement("select pg_sleep(60)", [])
AS_FOUND = "select current_user::text, current_setting('request.jwt.claims', true), pg_backend_pid()"


@pytest.fixture
async def narrow(urls) -> AsyncIterator[Database]:
    """One connection that reads; no statement takes over 2 s."""
    async with open_database(urls.login, connections=1, readers=1, timeout=2) as database:
        yield database


async def read(database: Database, viewer: Viewer, statement: Statement) -> tuple:
    [row] = await database.read(viewer, statement, NOTHING)
    return tuple(row)


async def as_found(database: Database) -> tuple:
    """Role, claims and process of the connection, as the next statement gets it."""
    async with database.readers.borrowed() as connection:
        role, claims, pid = await connection.fetchrow(AS_FOUND)
    return role, claims or None, pid


async def test_role_and_claims_are_the_viewers(narrow, ada):
    role, id, _ = await read(narrow, ada, WHO)
    assert (role, id) == ("authenticated", ada.user_id)


async def test_the_anonymous_read_in_a_session_of_their_own_role(narrow):
    role, id, _ = await read(narrow, ANONYMOUS, WHO)
    assert (role, id) == ("anon", None)


async def test_a_viewer_sees_their_own_alone(narrow, database, ada, new_collection):
    async with database.session(ada) as session:
        await new_collection(session)
    assert await read(narrow, ada, SEEN) == (1, 0)
    assert await read(narrow, SOMEBODY_ELSE, SEEN) == (0, 0)
    assert await read(narrow, ada, SEEN) == (1, 0)


async def test_nothing_stays_after_a_statement(narrow, ada):
    *_, pid = await read(narrow, ada, WHO)
    assert await as_found(narrow) == ("authenticated", None, pid)


async def test_nothing_stays_after_an_error(narrow, ada):
    *_, pid = await read(narrow, ada, WHO)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await read(narrow, ada, Statement("select 1 / (select 0)", []))
    assert await as_found(narrow) == ("authenticated", None, pid)


async def test_without_claims_only_what_is_shared_is_seen(narrow, database, ada, new_collection):
    async with database.session(ada) as session:
        await new_collection(session)
    async with narrow.readers.borrowed() as connection:
        assert tuple(await connection.fetchrow(SEEN.text)) == (0, 0)


async def test_nothing_can_be_written(narrow):
    async with narrow.readers.borrowed() as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("delete from collections")


@pytest.mark.parametrize("ends", [TimeoutError, asyncio.CancelledError])
async def test_a_connection_that_is_given_up_is_not_used_again(ends, narrow, ada, admin):
    *_, pid = await read(narrow, ada, WHO)
    stalled = asyncio.create_task(read(narrow, ada, STALL))
    if ends is asyncio.CancelledError:
        await asyncio.sleep(0.1)
        stalled.cancel()
    with pytest.raises(ends):
        await stalled
    assert (await as_found(narrow))[2] != pid
    while await admin.fetchval("select count(*) from pg_stat_activity where pid = $1", pid):
        await asyncio.sleep(0.05)


async def test_a_backend_that_does_not_answer_any_more_is_left_behind(narrow, ada):
    *_, pid = await read(narrow, ada, WHO)
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                await read(narrow, ada, WHO)
            role, id, other = await read(narrow, ada, WHO)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (role, id) == ("authenticated", ada.user_id)
    assert other != pid


async def test_a_connection_that_was_killed_is_replaced(narrow, ada, admin):
    *_, pid = await read(narrow, ada, WHO)
    await admin.execute("select pg_terminate_backend($1)", pid)
    while narrow.readers.idle:
        await asyncio.sleep(0.01)
    assert (await read(narrow, ada, WHO))[2] != pid


async def test_who_comes_after_the_last_connection_waits_for_it(narrow, ada):
    first = asyncio.create_task(read(narrow, ada, Statement("select pg_sleep(0.2)", [])))
    second = asyncio.create_task(read(narrow, ada, WHO))
    await asyncio.sleep(0.1)
    assert (narrow.readers.busy, narrow.readers.waiting) == (1, 1)
    await asyncio.gather(first, second)
    assert (narrow.readers.busy, narrow.readers.idle, narrow.readers.waiting) == (0, 1, 0)


async def test_who_waits_too_long_for_its_turn_costs_nobody_a_connection(narrow, ada):
    *_, pid = await read(narrow, ada, WHO)
    async with narrow.readers.borrowed():
        with pytest.raises(TimeoutError):
            await read(narrow, ada, WHO)
    assert (await as_found(narrow))[2] == pid


async def test_a_connection_that_was_idle_for_too_long_is_replaced(narrow, ada, monkeypatch):
    *_, pid = await read(narrow, ada, WHO)
    monkeypatch.setattr("db.pool.LONGEST_IDLE", 0)
    assert (await read(narrow, ada, WHO))[2] != pid


async def test_nobody_gets_a_connection_once_they_are_closed(narrow, ada):
    async with narrow.readers.borrowed():
        waiting = asyncio.create_task(read(narrow, ada, WHO))
        await asyncio.sleep(0)
        await narrow.readers.close()
    with pytest.raises(asyncpg.InterfaceError):
        await waiting
    with pytest.raises(asyncpg.InterfaceError):
        await read(narrow, ada, WHO)
    assert (narrow.readers.busy, narrow.readers.idle, narrow.readers.waiting) == (0, 0, 0)
