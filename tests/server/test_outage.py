"""The database goes away, stalls, or loses single connections: everything ends in time and comes back."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from gql.transport.exceptions import TransportError, TransportQueryError
from structlog.testing import capture_logs

pytestmark = pytest.mark.outage

BACK = 5.0
"""Seconds after its return within which everything works again."""
BOUND = 10.0
"""Seconds within which any request ends."""
AWAY = 2.0
START = "mutation ($input: StartBatchInput!) { startBatch(input: $input) { batchId userErrors { message } } }"
COUNTS = "query ($id: ID!) { batch(id: $id) { status counts { total queued succeeded saved } } }"
ASK = "{ batches(first: 1) { nodes { id } } }"
MOMENT = 2.0
KINDS = ("batch-studio queue", "batch-studio hints", "batch-studio")
"""The connections of a process, by what they call themselves."""
BACKENDS = "select pid from pg_stat_activity where application_name = $1 and datname = current_database()"
KILL = f"select count(pg_terminate_backend(pid)) from ({BACKENDS}) as ours"
SAVED = "select count(*) from images where batch_id = $1"
MADE = """
    select (select count(*) from images where batch_id = $1) as images,
           (select count(*) from generations where batch_id = $1 and status = 'SUCCEEDED' and saved) as saved,
           (select sum(attempts) from generations where batch_id = $1) as runs,
           (select saved from batches where id = $1) as counted
"""


KIND = re.compile(rb"application_name\0([^\0]*)\0")
"""Of the first message of a connection."""


class Line:
    """The way to the database: it can be cut, stalled and mended."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.is_cut = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.ends: set[asyncio.StreamWriter] = set()
        self.lost: set[asyncio.StreamWriter] = set()
        self.kinds: dict[str, list[set[asyncio.StreamWriter]]] = defaultdict(list)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_unix_connection(self.target)
        ends = {writer, there_writer}
        self.ends |= ends
        hello = await reader.read(65536)
        kind = KIND.search(hello)
        of_its_kind = self.kinds[kind[1].decode() if kind else ""]
        of_its_kind.append(ends)
        there_writer.write(hello)
        try:
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        finally:
            self.ends -= ends
            of_its_kind.remove(ends)
            for end in ends:
                end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self.flowing.wait()
                if sink not in self.lost:
                    sink.write(data)
                    await sink.drain()
        sink.transport.abort()

    def cut(self) -> None:
        """Every connection ends, and new ones are refused."""
        self.is_cut = True
        for end in self.ends:
            end.transport.abort()

    def stall(self) -> None:
        """Every connection, new ones too, stays open and silent."""
        self.flowing.clear()

    def lose(self, kind: str, *, every: int = 1) -> None:
        """Of the connections of now every so-manyth of this kind never says anything again."""
        for ends in self.kinds[kind][::every]:
            self.lost |= ends

    def mend(self) -> None:
        self.is_cut = False
        self.flowing.set()


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """Kept, not printed: coloured tracebacks cost a second each."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture
async def line(cluster) -> AsyncIterator[Line]:
    line = Line(str(cluster.socket_dir / ".s.PGSQL.5432"))
    yield line
    line.cut()


@pytest.fixture
async def service(line, urls, settings_for, running) -> AsyncIterator[Any]:
    """API and worker whose every connection goes over the line."""
    server = await asyncio.start_server(line.carry, "127.0.0.1")
    parts = urlsplit(urls.login)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    login = urlunsplit(parts._replace(netloc=netloc, query="sslmode=disable"))
    try:
        async with running(settings_for(DATABASE_URL=login)) as service:
            yield service
    finally:
        server.close()


@pytest.fixture
def ada(service):
    return service.caller()


@pytest.fixture
def start_batch(ada) -> Callable[..., Awaitable[str]]:
    async def start(count: int, seconds: float) -> str:
        started = await ada.ask(
            START,
            input={
                "templates": [{"name": "Boat", "prompt": "a boat"}],
                "variants": count,
                "parameters": {"seconds": seconds, "width": 64, "height": 64},
            },
        )
        return started["startBatch"]["batchId"]

    return start


@pytest.fixture
async def admin(cluster, urls) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in this test's database, past the line."""
    path = urlsplit(urls.login).path
    connection = await asyncpg.connect(urlunsplit(urlsplit(cluster.superuser_url)._replace(path=path)))
    yield connection
    await connection.close()


async def status(ada: Any, path: str = "/readyz") -> int:
    return (await ada.request("GET", path)).status_code


async def counts(ada: Any, batch_id: str) -> Any:
    return (await ada.ask(COUNTS, id=batch_id))["batch"]["counts"]


async def until(look: Callable[[], Awaitable[Any]], seconds: float) -> float:
    """How long it took until this was so."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await look():
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def answers(ada: Any) -> bool:
    response = await ada.post(ASK)
    return response.status_code == httpx.codes.OK and "errors" not in response.json()


async def assert_refused_in_time(ada: Any) -> float:
    """An error with a code and without a traceback, within the bound; how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(BOUND):
        response = await ada.post(ASK)
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "Traceback" not in response.text
    return time.monotonic() - began


async def watch_on(ada: Any, batch_id: str, seen: dict[str, Any]) -> None:
    """Notes each generation's newest state; subscribes again with the last cursor until all has come."""
    cursor = None
    while True:
        with suppress(TransportError, OSError):
            async with ada.watching(
                batch_id, "generation { id saved attempts } batch { status }", cursor
            ) as all_:
                async for update in all_:
                    cursor = update["cursor"]
                    if update["generation"]:
                        seen[update["generation"]["id"]] = update["generation"]
                return
        await asyncio.sleep(0.1)


@asynccontextmanager
async def watched(ada: Any, batch_id: str) -> AsyncIterator[dict[str, Any]]:
    """What a client that comes back has seen by the batch's end."""
    seen: dict[str, Any] = {}
    watching = asyncio.create_task(watch_on(ada, batch_id, seen))
    try:
        yield seen
        async with asyncio.timeout(20):
            await watching
    finally:
        watching.cancel()


async def assert_made_once(admin: asyncpg.Connection, batch_id: str, count: int) -> None:
    """Every image is there once, no run was asked for twice, and the counts are those of the rows."""
    row = await admin.fetchrow(MADE, batch_id)
    assert dict(row) == {"images": count, "saved": count, "runs": count, "counted": count}


async def test_the_service_comes_back_with_its_database(line, ada, admin, start_batch):
    batch_id = await start_batch(40, 1.0)
    async with watched(ada, batch_id) as seen:
        await until(lambda: some_saved(ada, batch_id), 10)
        line.cut()
        assert await status(ada) == 503
        assert await assert_refused_in_time(ada) < 1
        with pytest.raises(TransportQueryError, match="The database does not answer"):
            await ada.updates(batch_id, "batch { status }")
        assert await status(ada, "/healthz") == 200
        await asyncio.sleep(AWAY)
        before = await admin.fetchval(SAVED, batch_id)
        line.mend()
        back = time.monotonic()
        await until(lambda: answers(ada), BACK)
        assert await status(ada) == 200
        await until(lambda: more_saved(admin, batch_id, before), BACK - (time.monotonic() - back))

    assert len(seen) == 40
    assert all(each["saved"] and each["attempts"] == 1 for each in seen.values())
    await assert_made_once(admin, batch_id, 40)


async def test_every_request_ends_while_the_database_stalls(line, ada, admin, start_batch):
    """When it is over, some connections go on where they were, and others never speak again."""
    batch_id = await start_batch(40, 1.0)
    async with watched(ada, batch_id) as seen:
        await until(lambda: some_saved(ada, batch_id), 10)
        stalled = {kind: await pids_of(admin, kind) for kind in KINDS}
        line.stall()
        line.lose("batch-studio hints")
        line.lose("batch-studio", every=2)
        began = time.monotonic()
        readiness, *_ = await asyncio.gather(status(ada), *(assert_refused_in_time(ada) for _ in range(25)))
        assert readiness == 503
        assert time.monotonic() - began < BOUND
        assert await status(ada, "/healthz") == 200
        before = await admin.fetchval(SAVED, batch_id)
        line.mend()
        back = time.monotonic()
        await until(lambda: answers(ada), BACK)
        assert await status(ada) == 200
        await until(lambda: more_saved(admin, batch_id, before), BACK - (time.monotonic() - back))
        for kind, pids in stalled.items():
            await until(partial(replaced, admin, kind, pids), BACK - (time.monotonic() - back))

    assert len(seen) == 40
    await assert_made_once(admin, batch_id, 40)


async def test_a_killed_connection_costs_no_more_than_a_moment(ada, admin, start_batch):
    batches = []
    for kind in KINDS:
        batches.append(batch_id := await start_batch(60, 0.5))
        await until(partial(some_saved, ada, batch_id), 10)
        killed = await pids_of(admin, kind)
        assert await admin.fetchval(KILL, kind)
        before = await admin.fetchval(SAVED, batch_id)

        await until(partial(more_saved, admin, batch_id, before), MOMENT)
        await until(lambda: answers(ada), MOMENT)
        await until(partial(replaced, admin, kind, killed), MOMENT)
        assert await status(ada) == 200

    for batch_id in batches:
        assert (await ada.finished(batch_id))["status"] == "SUCCEEDED"
        await assert_made_once(admin, batch_id, 60)


async def some_saved(ada: Any, batch_id: str) -> bool:
    return (await counts(ada, batch_id))["saved"] > 0


async def more_saved(admin: asyncpg.Connection, batch_id: str, before: int) -> bool:
    return await admin.fetchval(SAVED, batch_id) > before


async def pids_of(admin: asyncpg.Connection, kind: str) -> list[int]:
    return [row[0] for row in await admin.fetch(BACKENDS, kind)]


async def replaced(admin: asyncpg.Connection, kind: str, pids: list[int]) -> bool:
    """Whether there are such connections, and none of these."""
    now = await pids_of(admin, kind)
    return bool(now) and not set(now) & set(pids)
