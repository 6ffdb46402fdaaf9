"""CPU work in child processes that take turns: hostile or heavy bytes can harm one call alone.

Why no ready-made pool: anyio.to_process, and multiprocessing with pebble upon it, run the program's
main script again in each child or fork a process full of threads, and hand on the environment, with
our secrets, to code that reads hostile bytes; concurrent.futures loses all with one child's death.
"""

import asyncio
import itertools
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Self, TypeVar, TypeVarTuple, cast

from worker.child import HEAD, START_SECONDS, framed, load

__all__ = ["ChildDied", "ChildFailed", "ChildTimedOut", "Children", "FairGate"]

MIB = 1024 * 1024
CHILD = "import sys; from worker.child import serve; serve(int(sys.argv[1]), float(sys.argv[2]))"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ChildFailed(Exception):  # noqa: N818
    """The call has no answer and its child is gone; other calls are not affected."""


class ChildDied(ChildFailed):
    """`exit_code` is 1 when memory ran out, or minus a signal's number: -9 killed, -11 crashed.

    Standard error has its last words, if it had any.
    """

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"the child process died with exit code {self.exit_code}"


class ChildTimedOut(ChildFailed):
    """The child was killed because `seconds` had gone by."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the child process gave no answer within {self.seconds:g} s and was killed"


class Children:
    """A pool of child processes, started when first needed and kept warm until the block ends.

    At most `processes` run at once, each within `memory` bytes of address space and `timeout`
    seconds a call. Use it as an async context manager, in one event loop.
    """

    def __init__(self, processes: int | None = None, *, memory: int = 512 * MIB, timeout: float = 20) -> None:
        self._processes = processes or os.cpu_count() or 1
        self._gate = FairGate(self._processes)
        self._memory = memory
        self._timeout = timeout
        self._closed = False
        self._alive: set[_Child] = set()
        self._idle: list[_Child] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        await asyncio.gather(*map(self._end, self._alive.copy()), *self._ending)

    async def warm(self, *modules: str) -> None:
        """Starts all the processes before they are needed, with these modules imported."""
        await asyncio.gather(*(self.run(load, modules) for _ in range(self._processes)))

    async def run(self, function: Callable[[*Ts], T], *args: *Ts, turn: int = 0) -> T:
        """What `function(*args)` returns or raises; waiting calls go by lowest `turn`, then first.

        All of it must pickle: a function of a module, or a functools.partial of one. A cancelled
        call kills its child. Raises ChildTimedOut, or ChildDied, also when memory ran out.
        """
        async with self._gate.place(turn):
            call = framed((function, args))  # first, for a call that does not pickle costs no child
            child = await self._take()
            good, answer = await self._ask(child, call)
            self._idle.append(child)
        if not good:
            raise answer
        return cast("T", answer)

    async def _take(self) -> "_Child":
        """The child used last, whose memory is warm, or a new one."""
        while self._idle:
            child = self._idle.pop()
            if child.process.poll() is None:
                return child
            await self._end(child)
        return await self._start()

    async def _start(self) -> "_Child":
        if self._closed:
            raise RuntimeError("these children have been sent home")
        child = await _Child.start(self._memory, self._timeout)
        self._alive.add(child)
        async with self._watch(child, START_SECONDS):
            await child.receive()
        return child

    async def _ask(self, child: "_Child", call: bytes) -> Any:
        async with self._watch(child, self._timeout):
            return await child.ask(call)

    @asynccontextmanager
    async def _watch(self, child: "_Child", seconds: float) -> AsyncIterator[None]:
        """Whatever breaks off the talk ends the child: its next answer would be to this call."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            await self._end(child)
            raise ChildTimedOut(seconds) from error
        except (EOFError, ConnectionError) as error:
            await self._end(child, patience=1)  # it is on its way out: learn how it ended
            raise ChildDied(child.process.returncode) from error
        except BaseException:
            await self._end(child)
            raise

    def _end(self, child: "_Child", *, patience: float = 0) -> "asyncio.Future[None]":
        """End it in a task of its own, which no second cancellation can stop half-way."""
        self._alive.discard(child)
        task = asyncio.create_task(child.end(patience))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return asyncio.shield(task)


class FairGate:
    """Lets `places` in at once; of those who wait, the lowest turn first, then first come."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._arrivals = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, turn: int = 0) -> AsyncIterator[None]:
        """Hold a place for the length of the block."""
        await self._enter(turn)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, turn: int) -> None:
        if self._free:  # then nobody waits
            self._free -= 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (turn, next(self._arrivals), called))
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # called in and cancelled at once: the place goes on
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            called = heappop(self._waiting)[-1]
            if not called.done():
                called.set_result(None)
                return
        self._free += 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Child:
    """One process, and the socket which is its standard input."""

    process: subprocess.Popen[bytes]
    answers: asyncio.StreamReader
    calls: asyncio.StreamWriter

    @classmethod
    async def start(cls, memory: int, seconds: float) -> "_Child":
        ours, theirs = socket.socketpair()
        with theirs:
            answers, calls = await asyncio.open_unix_connection(sock=ours, limit=MIB)
            process = _spawn(theirs.fileno(), str(memory), str(seconds))
        return cls(process=process, answers=answers, calls=calls)

    async def ask(self, call: bytes) -> Any:
        self.calls.write(call)
        await self.calls.drain()
        return await self.receive()

    async def receive(self) -> Any:
        head = await self.answers.readexactly(HEAD.size)
        return pickle.loads(await self.answers.readexactly(*HEAD.unpack(head)))  # noqa: S301

    async def end(self, patience: float) -> None:
        """Returns when the process is gone: killed, unless it goes by itself within `patience`."""
        self.calls.close()
        if not patience:
            self.process.kill()
        try:
            await asyncio.to_thread(self.process.wait, patience or None)
        except subprocess.TimeoutExpired:
            await self.end(0)


def _spawn(link: int, *args: str) -> subprocess.Popen[bytes]:
    # No more environment than this: decoders of hostile bytes have no business with secrets.
    # One thread each, for NumPy's BLAS would reserve address space for every core.
    # Not asyncio's subprocess: in 3.11 its kill() and its watcher race for the exit code.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", CHILD, *args],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        stdin=link,
        stdout=subprocess.DEVNULL,
    )
