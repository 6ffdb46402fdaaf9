"""The child's side of worker.children: one call after the other, until the parent is gone."""

import pickle
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from struct import Struct

__all__ = ["HEAD", "START_SECONDS", "framed", "load", "serve"]

HEAD = Struct(">Q")
"""Both ways: the length of a pickle, then the pickle."""
START_SECONDS = 20.0


def serve(memory: int, seconds: float) -> None:
    """Answers the calls from standard input, within so many bytes of memory and seconds a call."""
    _behave(memory)
    with socket.socket(fileno=0) as link, link.makefile("rb") as calls:
        link.sendall(framed(None))
        while head := calls.read(HEAD.size):
            # Should the parent be gone and the call hang, nobody else would end this process.
            signal.setitimer(signal.ITIMER_REAL, seconds + START_SECONDS)
            link.sendall(_answer(calls.read(*HEAD.unpack(head))))
            signal.setitimer(signal.ITIMER_REAL, 0)


def load(modules: Sequence[str]) -> None:
    """Imports what later calls will need."""
    for name in modules:
        import_module(name)


def _behave(memory: int) -> None:
    """Obey the limit, and leave signals sent to the whole group to the parent, which may drain."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":  # macOS refuses this limit
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _answer(call: bytes) -> bytes:
    try:
        function, args = pickle.loads(call)  # noqa: S301
        return framed((True, function(*args)))
    except MemoryError:
        raise  # end here: a heap that has burst once is not to be trusted with the next call
    except Exception as error:
        error.add_note(f"In the child process:\n{traceback.format_exc()}")
        return framed((False, error))


def framed(value: object) -> bytes:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return HEAD.pack(len(data)) + data
