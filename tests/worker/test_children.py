import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest
import uvloop

from worker.children import ChildDied, Children, ChildTimedOut, FairGate
from worker.pictures import PictureRefused, inspect

PATIENCE = 20


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    async with Children(1, timeout=PATIENCE) as children:
        yield children


@asynccontextmanager
async def call_under_way(children: Children, fifo: Path) -> AsyncIterator[asyncio.Task[str]]:
    """A call whose child has opened the pipe and now waits for a word that never comes."""
    os.mkfifo(fifo)
    call = asyncio.create_task(children.run(Path.read_text, fifo))
    writer = await asyncio.to_thread(os.open, fifo, os.O_WRONLY)
    try:
        yield call
    finally:
        os.close(writer)


def run_script(text: str) -> subprocess.CompletedProcess[str]:
    """Returns once the script's children are gone too, for they hold its standard error."""
    command = [sys.executable, "-c", dedent(text)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


async def test_a_child_answers_and_stays_for_the_next_call(children: Children) -> None:
    first, second = await children.run(os.getpid), await children.run(os.getpid)
    assert first == second != os.getpid()


async def test_partials_carry_keyword_arguments(children: Children) -> None:
    assert await children.run(partial(int, "ff", base=16)) == 255


def test_children_work_under_uvloop_too() -> None:
    async def count() -> int:
        async with Children(1) as children:
            return await children.run(len, "four")

    assert uvloop.run(count()) == 4


async def test_children_work_side_by_side() -> None:
    async with Children(2) as children:
        calls = (children.run(os.getpid) for _ in range(2))
        assert len(set(await asyncio.gather(*calls))) == 2


async def test_what_the_function_raises_comes_through_with_its_trace(children: Children) -> None:
    with pytest.raises(PictureRefused) as refusal:
        await children.run(inspect, b"no picture")
    assert refusal.value.reason == "unreadable"
    assert "In the child process" in refusal.value.__notes__[0]


async def test_ten_megabytes_travel_both_ways(children: Children) -> None:
    data = os.urandom(10_000_000)
    assert await children.run(bytes, data) == data


async def test_a_child_sees_no_environment_of_ours(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    assert await children.run(os.getenv, "PASSWORD") is None


async def test_a_killed_child_fails_its_call_alone(children: Children, tmp_path: Path) -> None:
    pid = await children.run(os.getpid)
    async with call_under_way(children, tmp_path / "fifo") as call:
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ChildDied) as death:
            await call
    assert death.value.exit_code == -signal.SIGKILL
    assert await children.run(os.getpid) != pid


async def test_a_child_killed_while_idle_is_replaced(children: Children) -> None:
    pid = await children.run(os.getpid)
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert await children.run(os.getpid) != pid


async def test_a_hung_child_is_killed_at_the_timeout() -> None:
    async with Children(1, timeout=0.2) as children:
        started = time.monotonic()
        with pytest.raises(ChildTimedOut, match=r"0\.2 s"):
            await children.run(time.sleep, PATIENCE)
        assert time.monotonic() - started < PATIENCE / 2
        assert await children.run(len, "next") == 4


async def test_a_child_that_runs_out_of_memory_dies_alone(children: Children) -> None:
    with pytest.raises(ChildDied) as death:
        await children.run(bytes, 1 << 33)
    assert death.value.exit_code == 1
    assert await children.run(len, "next") == 4


async def test_a_call_that_does_not_pickle_costs_no_child(children: Children) -> None:
    pid = await children.run(os.getpid)
    with pytest.raises(Exception, match="pickle"):
        await children.run(lambda: None)
    assert await children.run(os.getpid) == pid


async def test_an_answer_that_does_not_pickle_is_the_calls_own_error(children: Children) -> None:
    with pytest.raises(Exception, match="pickle"):
        await children.run(memoryview, b"")
    assert await children.run(len, "next") == 4


async def test_a_cancelled_call_frees_its_place(children: Children, tmp_path: Path) -> None:
    pid = await children.run(os.getpid)
    async with call_under_way(children, tmp_path / "fifo") as call:
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await children.run(os.getpid) != pid


async def test_a_call_cancelled_while_its_child_starts_leaves_nothing_behind() -> None:
    async with Children(1) as children:
        call = asyncio.create_task(children.run(os.getpid))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await children.run(len, "next") == 4


async def test_calls_under_way_end_with_the_block(tmp_path: Path) -> None:
    async with Children(1) as children, call_under_way(children, tmp_path / "fifo") as call:
        await children.__aexit__()
        with pytest.raises(ChildDied):
            await call
    with pytest.raises(RuntimeError):
        await children.run(os.getpid)


async def test_a_signal_to_the_whole_group_leaves_the_child_to_its_work(children: Children) -> None:
    pid = await children.run(os.getpid)
    for number in (signal.SIGINT, signal.SIGTERM):
        await children.run(signal.raise_signal, number)
    assert await children.run(os.getpid) == pid


def test_a_main_script_without_a_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import asyncio, os\nfrom worker.children import Children\nprint('started')\n"
        "async def main():\n async with Children(1) as children: await children.run(os.getpid)\n"
        "asyncio.run(main())\n"
    )
    done = run_script(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
    assert (done.stdout, done.stderr) == ("started\n", "")


def test_children_do_not_outlive_a_killed_parent() -> None:
    done = run_script("""
        import asyncio, os, signal
        from worker.children import Children

        async def main():
            await Children(1).run(os.getpid)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """)
    assert done.returncode == -signal.SIGKILL


async def test_the_lowest_turn_goes_first_and_then_the_first_to_come() -> None:
    gate, order = FairGate(1), list[str]()

    async def visit(name: str, turn: int) -> None:
        async with gate.place(turn):
            order.append(name)

    async with gate.place():
        visits = [visit("c", 2), visit("a", 1), visit("b", 1), visit("first", 0)]
        tasks = [asyncio.create_task(visit) for visit in visits]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["first", "a", "b", "c"]


async def test_a_gate_lets_in_no_more_than_its_places() -> None:
    gate, inside, most = FairGate(2), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with gate.place():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(9)))
    assert (inside, most) == (0, 2)


@pytest.mark.parametrize("called_in", [False, True])
async def test_a_waiter_that_is_cancelled_loses_no_place(called_in: bool) -> None:
    gate = FairGate(1)
    holder, waiter, next_one = gate.place(), gate.place(), gate.place()
    await holder.__aenter__()
    tasks = [asyncio.create_task(place.__aenter__()) for place in (waiter, next_one)]
    await asyncio.sleep(0)
    if called_in:
        await holder.__aexit__(None, None, None)
    tasks[0].cancel()
    if not called_in:
        await holder.__aexit__(None, None, None)
    await asyncio.wait_for(tasks[1], PATIENCE)
    assert tasks[0].cancelled()
