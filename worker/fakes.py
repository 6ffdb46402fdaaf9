"""Plain objects at the seams, for tests: what they were asked is recorded."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from engine.seams import (
    Model,
    Output,
    Prediction,
    PredictionState,
    ProviderError,
    Run,
    StorageError,
)

__all__ = ["MemoryStorage", "QuietHints", "ScriptedProvider"]


class ScriptedProvider:
    """Answers a submit with what the script says of the run; its outputs are given bytes."""

    name = "scripted"

    def __init__(
        self, picture: bytes, script: Callable[[Run], Prediction | ProviderError] | None = None
    ) -> None:
        self.picture = picture
        self.script = script or _succeed
        self.submitted: list[Run] = []

    def models(self) -> Sequence[Model]:
        return [Model(name="scripted", provider=self.name)]

    async def submit(self, run: Run) -> Prediction:
        self.submitted.append(run)
        answer = self.script(run)
        if isinstance(answer, ProviderError):
            raise answer
        await asyncio.sleep(0)
        return answer

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        await asyncio.sleep(0)
        return _succeed(run)

    async def read(self, output: Output, run: Run) -> bytes:
        await asyncio.sleep(0)
        return self.picture


class MemoryStorage:
    """Files in a dict; broken refuses everything."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.broken = False

    async def write(self, key: str, data: bytes, content_type: str) -> None:
        await asyncio.sleep(0)
        self._refuse_if_broken()
        self.files[key] = data

    async def read(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        self._refuse_if_broken()
        return self.files.get(key)

    def _refuse_if_broken(self) -> None:
        if self.broken:
            raise StorageError("The storage is out of order.")


class QuietHints:
    """Remembers what was told; nobody is woken."""

    def __init__(self) -> None:
        self.told: list[UUID] = []

    def tell(self, topic: UUID) -> None:
        self.told.append(topic)

    @contextmanager
    def watch(self, topic: UUID) -> Iterator["QuietWatch"]:
        yield QuietWatch()


class QuietWatch:
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _succeed(run: Run) -> Prediction:
    return Prediction(
        id=f"scripted-{run.attempt_id}",
        state=PredictionState.SUCCEEDED,
        outputs=[Output(address="scripted:0")],
    )
