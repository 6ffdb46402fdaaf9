"""The exact input of a call, with the reference image in the input that takes it."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from engine.seams import Model, ProviderError, Run
from engine.uploads import LARGEST_REFERENCE
from engine.words import GenerationErrorCode
from worker.fetching import FetchError, Reads
from worker.replicate.api import Api
from worker.replicate.catalog import Catalog, reference_value, takes_seed
from worker.replicate.faults import TROUBLE, read_fault

__all__ = ["Inputs"]

LARGEST_DATA_URL = 256_000
"""Bytes of a file; Replicate wants any larger one uploaded."""
KEPT_SECONDS = 600.0
KEPT = 32
USUAL_INPUT = "image"
"""Of a model whose inputs are not published."""


class Inputs:
    """A reference is read, and uploaded where need be, once for all images of a batch."""

    def __init__(self, api: Api, catalog: Catalog, references: Reads) -> None:
        self.api = api
        self.catalog = catalog
        self.references = references
        self.embedded: dict[str, tuple[float, asyncio.Task[str]]] = {}

    async def prepared(self, run: Run) -> Mapping[str, Any]:
        """Raises ProviderError; nothing is asked for yet."""
        model = await self._model(run)
        prepared = {**run.parameters, "prompt": run.prompt}
        if takes_seed(model):
            prepared["seed"] = run.seed
        if run.reference_url is None:
            return prepared
        name = _reference_input(model)
        if name not in run.parameters:
            prepared[name] = reference_value(model, name, await self._embedded(run.reference_url))
        return prepared

    async def _model(self, run: Run) -> Model:
        """With its inputs where they can be had; only a reference cannot do without them."""
        if run.reference_url is not None:
            return await self.catalog.model(run.model)
        with suppress(ProviderError):
            return await self.catalog.model(run.model)
        return Model(name=run.model, provider="replicate")

    async def _embedded(self, reference: str) -> str:
        """Shared by all who ask for the same reference within ten minutes."""
        now = asyncio.get_running_loop().time()
        kept, task = self.embedded.get(reference, (0.0, None))
        if task is None or kept < now:
            task = asyncio.create_task(self._embed(reference))
            self._keep(reference, now + KEPT_SECONDS, task)
        return await asyncio.shield(task)

    def _keep(self, reference: str, until: float, task: "asyncio.Task[str]") -> None:
        self.embedded.pop(reference, None)
        self.embedded[reference] = (until, task)
        if len(self.embedded) > KEPT:
            del self.embedded[next(iter(self.embedded))]
        task.add_done_callback(lambda done: self._forget_failed(reference, done))

    def _forget_failed(self, reference: str, done: "asyncio.Task[str]") -> None:
        if done.cancelled() or done.exception():
            self.embedded.pop(reference, None)

    async def _embed(self, reference: str) -> str:
        """Never an address of ours: it would expire, and may lead to this very machine."""
        data = await self._read(reference)
        content_type = _content_type(data)
        if len(data) > LARGEST_DATA_URL:
            return await self._uploaded(data, content_type)
        return f"data:{content_type};base64,{b64encode(data).decode()}"

    async def _read(self, reference: str) -> bytes:
        try:
            return await self.references.fetch(reference, limit=LARGEST_REFERENCE)
        except FetchError as error:
            raise _unusable(f"The reference image could not be read: {error}") from error

    async def _uploaded(self, data: bytes, content_type: str) -> str:
        try:
            return await self.api.upload(data, content_type)
        except TROUBLE as error:
            raise read_fault(error) from error


def _reference_input(model: Model) -> str:
    if model.inputs is None:
        return USUAL_INPUT
    if model.reference_input is None:
        raise ProviderError(
            GenerationErrorCode.INVALID_INPUT, f"The model {model.name} takes no reference image."
        )
    return model.reference_input


def _content_type(data: bytes) -> str:
    """By its first bytes; a model would fail at anything else, and be paid for it."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise _unusable("The reference image is no PNG, JPEG or WebP file.")


def _unusable(message: str) -> ProviderError:
    return ProviderError(GenerationErrorCode.INVALID_INPUT, message, retryable=True)
