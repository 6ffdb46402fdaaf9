"""How many sockets and streams a caller has open in this process, and how many more there may be."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from engine.viewer import Viewer

__all__ = ["NoSeatError", "Seats"]


class NoSeatError(Exception):
    """The caller has as many open as may be."""


class Seats:
    """Counted by user; callers without a user by the address that they come from."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, viewer: Viewer, scope: Scope) -> Iterator[None]:
        """A seat until the end of the block. Raises NoSeatError."""
        key = str(viewer.user_id or (scope["client"] or [""])[0])
        if self._taken[key] >= self.most:
            raise NoSeatError
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
