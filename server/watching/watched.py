"""Providers and storage whose calls are counted and traced."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from engine.seams import (
    Call,
    HeldBackError,
    Model,
    NotTakenError,
    Output,
    Prediction,
    Provider,
    ProviderError,
    Run,
    Storage,
    StorageError,
    StoredFile,
    Traces,
    UnknownError,
)
from server.watching.metrics import Metrics

__all__ = ["WatchedProvider", "WatchedStorage"]


class WatchedProvider:
    """The same provider; each call that goes out is counted by how it ended."""

    def __init__(self, provider: Provider, metrics: Metrics, traces: Traces) -> None:
        self.provider = provider
        self.metrics = metrics
        self.traces = traces
        self.name = provider.name
        self.rated = provider.rated
        self.takes_ids = provider.takes_ids

    def models(self) -> Sequence[Model]:
        return self.provider.models()

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        with self._counted("prepare"):
            return await self.provider.prepare(run)

    async def submit(self, call: Call) -> Prediction:
        with self._counted("submit"):
            return await self.provider.submit(call)

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        with self._counted("find"):
            return await self.provider.find(call, known)

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        with self._counted("fetch"):
            return await self.provider.fetch(prediction_id, run)

    async def cancel(self, prediction_id: str) -> bool:
        with self._counted("cancel"):
            return await self.provider.cancel(prediction_id)

    async def read(self, output: Output, run: Run) -> bytes:
        with self._counted("read"):
            return await self.provider.read(output, run)

    @contextmanager
    def _counted(self, call: str) -> Iterator[None]:
        began, outcome = perf_counter(), "interrupted"
        try:
            with self.traces.span(f"{self.name} {call}"):
                yield
            outcome = "ok"
        except ProviderError as error:
            outcome = _outcome(error)
            raise
        finally:
            self.metrics.provider_calls.labels(self.name, call, outcome).inc()
            self.metrics.provider_seconds.labels(self.name, call).observe(perf_counter() - began)


def _outcome(error: ProviderError) -> str:
    match error:
        case HeldBackError():
            return "held_back"
        case NotTakenError():
            return "not_taken"
        case UnknownError():
            return "unknown"
        case _:
            return error.code.value.lower()


class WatchedStorage:
    """The same storage; what fails is counted."""

    def __init__(self, storage: Storage, metrics: Metrics) -> None:
        self.storage = storage
        self.metrics = metrics

    async def write(self, key: str, data: bytes, content_type: str) -> None:
        with self._counted("write"):
            await self.storage.write(key, data, content_type)

    async def read(self, key: str) -> bytes | None:
        with self._counted("read"):
            return await self.storage.read(key)

    async def find(self, key: str) -> StoredFile | None:
        with self._counted("find"):
            return await self.storage.find(key)

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        with self._counted("stream"):
            async for piece in self.storage.stream(key, start, end):
                yield piece

    async def remove(self, keys: Collection[str]) -> None:
        with self._counted("remove"):
            await self.storage.remove(keys)

    async def address(self, method: str, key: str, seconds: float) -> str | None:
        with self._counted("address"):
            return await self.storage.address(method, key, seconds)

    @contextmanager
    def _counted(self, call: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            self.metrics.storage_errors.labels(call).inc()
            raise
