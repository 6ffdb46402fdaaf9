"""SIGTERM finishes or hands back what runs; a process that was stopped for long changes nothing."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

pytestmark = pytest.mark.outage

PROGRAM = Path(sys.executable).with_name("batch-studio")
ENDS = 10.0
HEARTBEAT = 1.0
START = "mutation ($input: StartBatchInput!) { startBatch(input: $input) { batchId userErrors { message } } }"
STATES = "select status, count(*) from generations where batch_id = $1 group by status"
UNDER_WAY = "select status = 'RUNNING' from batches where id = $1"
MADE = """
    select (select count(*) from images where batch_id = $1) as images,
           (select count(*) from generations where batch_id = $1 and status = 'SUCCEEDED' and saved) as saved,
           (select sum(attempts) from generations where batch_id = $1) as runs,
           (select saved from batches where id = $1) as counted
"""
WORKER = f"""
import asyncio
from datetime import timedelta
from server.settings import load_settings
from server.shared import open_shared
from server.wiring import build_workshop
from worker.queue import run_worker

async def work():
    settings = load_settings()
    async with open_shared(settings) as shared, build_workshop(settings, shared) as shop:
        print("ready", flush=True)
        await run_worker(
            shop, shared.login, concurrency=100, stopping=asyncio.Event(),
            heartbeat=timedelta(seconds={HEARTBEAT}),
        )

asyncio.run(work())
"""


@pytest.fixture
async def start(tmp_path: Path, urls: Any) -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    """Starts a command on this test's database and folder, and waits until it is ready."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("BATCH_STUDIO_")}
    own = {"DATABASE_URL": urls.login, "BATCH_STUDIO_DATA_DIR": str(tmp_path / "data")}
    async with AsyncExitStack() as stack:

        async def start(*command: str, **settings: object) -> Process:
            given = {name: str(value) for name, value in settings.items()}
            process = await asyncio.create_subprocess_exec(
                *command, cwd=tmp_path, env=bare | own | given, stdout=PIPE, stderr=DEVNULL
            )
            stack.push_async_callback(end, process)
            assert process.stdout
            async with asyncio.timeout(20):
                while await process.stdout.readline() != b"ready\n":
                    assert process.returncode is None
            return process

        yield start


async def end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def api(settings_for, running) -> AsyncIterator[Any]:
    """The API alone; who works is the test's own business."""
    async with running(settings_for(), with_worker=False) as service:
        yield service


@pytest.fixture
async def admin(cluster, urls) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in this test's database."""
    path = urlsplit(urls.login).path
    connection = await asyncpg.connect(urlunsplit(urlsplit(cluster.superuser_url)._replace(path=path)))
    yield connection
    await connection.close()


async def start_batch(ada: Any, count: int, *, seconds: float, side: int = 64) -> str:
    started = await ada.ask(
        START,
        input={
            "templates": [{"name": each, "prompt": "a boat"} for each in ("Boat", "Ship")],
            "variants": count // 2,
            "parameters": {"seconds": seconds, "width": side, "height": side},
        },
    )
    return started["startBatch"]["batchId"]


async def until_states(admin: asyncpg.Connection, batch_id: str, *states: str) -> None:
    """Returns when generations stand in all of these states at once."""
    async with asyncio.timeout(20):
        while not set(states) <= {row["status"] for row in await admin.fetch(STATES, batch_id)}:
            await asyncio.sleep(0.01)


async def terminated(process: Process) -> float:
    """How long a process takes to end well."""
    began = time.monotonic()
    process.terminate()
    async with asyncio.timeout(ENDS):
        assert await process.wait() == 0
    return time.monotonic() - began


async def assert_made_once(admin: asyncpg.Connection, batch_id: str, count: int) -> None:
    """Every image is there once, no run was asked for twice, and the counts are those of the rows."""
    row = await admin.fetchrow(MADE, batch_id)
    assert dict(row) == {"images": count, "saved": count, "runs": count, "counted": count}


async def test_serve_ends_in_the_middle_of_a_batch_and_goes_on_after_a_start(
    start, admin, settings_for, running, new_port
):
    settings = settings_for()
    port = {"BATCH_STUDIO_PORT": settings.port}
    process = await start(PROGRAM, "serve", **port)
    async with running(settings_for(port=new_port()), with_worker=False) as other:
        ada = other.caller()
        batch_id = await start_batch(ada, 120, seconds=0.5)
        on_it = type(ada)(address=settings.address, user_id=ada.user_id, token=ada.token)
        async with on_it.watching(batch_id, "batch { status }") as updates:
            await anext(updates)
            await until_states(admin, batch_id, "SUCCEEDED", "QUEUED")
            assert await terminated(process) < ENDS
            assert await admin.fetchval(UNDER_WAY, batch_id)

        await start(PROGRAM, "serve", **port)
        assert (await ada.finished(batch_id))["status"] == "SUCCEEDED"
    await assert_made_once(admin, batch_id, 120)


async def test_a_worker_ends_in_the_middle_of_drawings_and_another_goes_on(start, api, admin):
    ada = api.caller()
    worker = await start(PROGRAM, "worker")
    batch_id = await start_batch(ada, 8, seconds=0, side=1024)
    slow_id = await start_batch(ada, 8, seconds=3)
    await until_states(admin, batch_id, "SAVING")
    await until_states(admin, slow_id, "RUNNING")

    assert await terminated(worker) < ENDS
    left = await admin.fetchval("select count(*) from pgq.pgqueuer where status = 'picked'")
    await start(PROGRAM, "worker")

    assert left == 0
    for each in (batch_id, slow_id):
        assert (await ada.finished(each))["status"] == "SUCCEEDED"
        await assert_made_once(admin, each, 8)


async def test_a_stopped_worker_that_wakes_up_changes_nothing(start, api, admin):
    ada = api.caller()
    sleeper = await start(sys.executable, "-c", WORKER)
    batch_id = await start_batch(ada, 12, seconds=0.2, side=512)
    await until_states(admin, batch_id, "SAVING")
    sleeper.send_signal(signal.SIGSTOP)
    await start(sys.executable, "-c", WORKER)
    assert (await ada.finished(batch_id))["status"] == "SUCCEEDED"
    before = await admin.fetch("select * from generations where batch_id = $1 order by id", batch_id)

    sleeper.send_signal(signal.SIGCONT)
    after_id = await start_batch(ada, 12, seconds=0.2)
    assert (await ada.finished(after_id))["status"] == "SUCCEEDED"
    await asyncio.sleep(2 * HEARTBEAT)

    assert await admin.fetch("select * from generations where batch_id = $1 order by id", batch_id) == before
    for each in (batch_id, after_id):
        await assert_made_once(admin, each, 12)
