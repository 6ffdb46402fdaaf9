"""Uvicorn's server, ended by us."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

__all__ = ["QuietServer"]


class QuietServer(uvicorn.Server):
    """Without its signal handlers: it would raise the signal again before we have closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
