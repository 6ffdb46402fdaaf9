"""The service as ever, but half of the wake-ups that it gets are dropped.

    python -P bench/deaf.py serve --no-worker

What the service learns from hints it must learn without them too, only later. `-P` keeps this folder off the
path, where one of its files would hide a package of the project.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.seams import Hints, Watch
from server import shared
from server.command import main
from server.settings import Settings

HEARD = 0.5
"""The part of the wake-ups that comes through."""


@dataclass(frozen=True, slots=True)
class DeafWatch:
    """A listener that sleeps on through half of what wakes it."""

    watch: Watch

    async def wait(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time
        until = now() + seconds
        while now() < until:
            await self.watch.wait(until - now())
            if random.random() < HEARD:
                return


@dataclass(frozen=True, slots=True)
class DeafHints:
    """Hints of which only half arrive."""

    hints: Hints

    def __getattr__(self, name: str) -> Any:
        """All else is as ever."""
        return getattr(self.hints, name)

    @contextmanager
    def watch(self, topic: UUID) -> Iterator[DeafWatch]:
        with self.hints.watch(topic) as watch:
            yield DeafWatch(watch)


open_hints = shared.open_hints


@asynccontextmanager
async def open_deaf_hints(settings: Settings, login: str) -> AsyncIterator[DeafHints]:
    async with open_hints(settings, login) as hints:
        yield DeafHints(hints)


if __name__ == "__main__":
    shared.open_hints = open_deaf_hints
    main()
