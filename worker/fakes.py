"""Plain objects at the seams, for tests: what they were asked is recorded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from engine.seams import (
    Call,
    Model,
    NotTakenError,
    Output,
    Prediction,
    PredictionState,
    ProviderError,
    Run,
    StorageError,
    StoredFile,
)

__all__ = ["MemoryStorage", "QuietHints", "ScriptedProvider"]


class ScriptedProvider:
    """Answers each call with what the script says of it; its outputs are given bytes.

    Every call that became a run is in runs, also where the script loses the answer.
    """

    name = "scripted"
    rated = False
    takes_ids = False

    def __init__(self, picture: bytes, script: Callable[[Call], Exception | None] | None = None) -> None:
        self.picture = picture
        self.script = script or (lambda _: None)
        self.runs: list[Call] = []
        self.calls: list[Call] = []
        self.canceled: list[str] = []
        self.list_error: ProviderError | None = None

    def models(self) -> Sequence[Model]:
        return [Model(name="scripted", provider=self.name)]

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        return {**run.parameters, "prompt": run.prompt, "seed": run.seed}

    async def submit(self, call: Call) -> Prediction:
        self.calls.append(call)
        await asyncio.sleep(0)
        error = self.script(call)
        if not isinstance(error, NotTakenError):
            self.runs.append(call)
        if error:
            raise error
        return _succeeded(call)

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        if self.list_error:
            raise self.list_error
        found = [run for run in self.runs if run.input == call.input and str(run.id) not in known]
        return _succeeded(found[0]) if found else None

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        return _succeeded(next(call for call in self.runs if str(call.id) == prediction_id))

    async def cancel(self, prediction_id: str) -> bool:
        self.canceled.append(prediction_id)
        return True

    async def read(self, output: Output, run: Run) -> bytes:
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

    async def find(self, key: str) -> StoredFile | None:
        data = await self.read(key)
        return None if data is None else StoredFile(size=len(data), tag=None)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        data = await self.read(key)
        yield (data or b"")[start:end]

    async def remove(self, keys: Collection[str]) -> None:
        await asyncio.sleep(0)
        self._refuse_if_broken()
        for key in keys:
            self.files.pop(key, None)

    async def address(self, method: str, key: str, seconds: float) -> str | None:
        return None

    def _refuse_if_broken(self) -> None:
        if self.broken:
            raise StorageError("The storage is out of order.")


class QuietHints:
    """Remembers what was told; nobody is woken."""

    def __init__(self) -> None:
        self.told: list[UUID] = []

    def tell(self, *topics: UUID) -> None:
        self.told.extend(topics)

    def wake(self, topic: UUID) -> None:
        """Nobody."""

    @contextmanager
    def watch(self, topic: UUID) -> Iterator["QuietWatch"]:
        yield QuietWatch()


class QuietWatch:
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _succeeded(call: Call) -> Prediction:
    return Prediction(
        id=str(call.id),
        state=PredictionState.SUCCEEDED,
        outputs=[Output(address="scripted:0")],
    )
