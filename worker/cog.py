"""The Cog provider: a model of one's own behind a Cog HTTP server, most often on one's own GPU.

Cog keeps no list and forgets a run once it has ended; what comes of a run is told to the request that
asked for it, and to nobody else (replicate/cog, docs/http.md). So submit waits for the answer, which
holds the pictures themselves. A PUT under the id of a run that is under way starts nothing, and a
caller that goes away takes its run along (servers before coglet let it end for nothing): an attempt is
settled by asking for it again under its own id. It may then run twice, which costs nobody anything.
"""

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from engine.seams import (
    Call,
    HeldBackError,
    Model,
    NotTakenError,
    Output,
    Prediction,
    PredictionState,
    ProviderError,
    Run,
    UnknownError,
)
from engine.uploads import LARGEST_REFERENCE
from engine.words import GenerationErrorCode
from worker.cog_answers import (
    BUSY,
    SICK,
    Answer,
    away,
    decoded,
    failed,
    inputs_of,
    invalid,
    prediction,
    reference_input,
    refused,
    takes_list,
    translated,
)
from worker.fetching import FetchError, Reads

__all__ = ["CogProvider", "open_cog"]

DEADLINE = 600.0
"""Seconds that a run may take."""
READING = 60.0
"""Seconds that reading an output may take."""
QUICK = 10.0
"""Seconds that everything else may take."""
LARGEST_ANSWER = 128 * 1024 * 1024
KINDS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


@asynccontextmanager
async def open_cog(url: str, references: Reads) -> AsyncIterator["CogProvider"]:
    """The model of the server at this address, which need not be up yet."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"accept-encoding": "identity"},
        # A kept connection that the server's restart broke unseen would lose an answer.
        limits=httpx.Limits(max_keepalive_connections=0),
        timeout=httpx.Timeout(None, connect=5.0),
        trust_env=False,
    ) as client:
        provider = CogProvider(client, references)
        await provider.load()
        yield provider


class CogProvider:
    """Offers one model, `cog`. client has the server's address as its base_url."""

    name = "cog"
    rated = False
    takes_ids = True

    def __init__(self, client: httpx.AsyncClient, references: Reads, *, deadline: float = DEADLINE) -> None:
        self.client = client
        self.references = references
        self.deadline = deadline
        self.model = Model(name="cog", provider=self.name)
        self.line = _Line()

    def models(self) -> Sequence[Model]:
        return [self.model]

    async def load(self) -> None:
        """Learns the model's inputs; a server that is away or shows none changes nothing."""
        inputs = None
        with suppress(ProviderError, TimeoutError):
            inputs = inputs_of((await self._ask("GET", "/openapi.json", seconds=QUICK)).told())
        if inputs is not None:
            takes = reference_input(inputs)
            self.model = Model(name="cog", provider=self.name, inputs=inputs, reference_input=takes)

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        """The parameters go as given: what the model does not know, its server judges."""
        await self.load()  # each time: a model that is being worked on changes
        prepared = dict(run.parameters)
        if self.model.inputs is None or "prompt" in self._properties:
            prepared["prompt"] = run.prompt
        if "seed" in self._properties:
            prepared["seed"] = run.seed
        if run.reference_url is not None:
            prepared |= await self._reference(run.reference_url)
        return prepared

    async def submit(self, call: Call) -> Prediction:
        """Returns once the run has ended; cut off while it waits, it stops the run."""
        return await self._run(str(call.id), call.input)

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        """Asks for the run under its own id again. None where it surely was not under way."""
        try:
            return await self.submit(call)
        except NotTakenError:
            return None

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        """Reached where somebody else waited for the answer: once that is lost, it runs again."""
        try:
            return await self._run(prediction_id, await self.prepare(run))
        except HeldBackError as error:
            return Prediction(id=prediction_id, state=PredictionState.RUNNING, wait=error.seconds)
        except UnknownError as error:
            raise away() from error

    async def cancel(self, prediction_id: str) -> bool:
        """Whoever waits for the run is told; one that is over, or never was, is no error."""
        await self._ask_quickly("POST", f"{_path(prediction_id)}/cancel")
        return False

    async def read(self, output: Output, run: Run) -> bytes:
        """From the answer itself, or from the Cog server's own address and no other."""
        if output.address.startswith("data:"):
            return decoded(output.address)
        if not self._is_its_own(output.address):
            raise invalid("The output lies at an address that is not the Cog server's.")
        answer = await self._ask_quickly("GET", output.address, seconds=READING)
        if answer.status != httpx.codes.OK:
            raise invalid(f"The Cog server answers with status {answer.status} for its output.")
        return answer.body

    @property
    def _properties(self) -> Mapping[str, Any]:
        return self.model.inputs["properties"] if self.model.inputs else {}

    async def _reference(self, reference: str) -> dict[str, Any]:
        name = self.model.reference_input
        if name is None:
            raise refused("The model is not known to take a reference image.")
        try:
            data = await self.references.fetch(reference, limit=LARGEST_REFERENCE)
        except FetchError as error:
            message = f"The reference image could not be read: {error}"
            raise refused(message, retryable=True) from error
        picture = _data_address(data)
        return {name: [picture] if takes_list(self._properties[name]) else picture}

    async def _run(self, prediction_id: str, given: Mapping[str, Any]) -> Prediction:
        body = orjson.dumps({"input": dict(given)})
        try:
            answer = await self._ask("PUT", _path(prediction_id), seconds=self.deadline, body=body)
        except TimeoutError:
            return await self._overdue(prediction_id)
        if answer.status in BUSY:
            raise await self._held_up(answer.status)
        return prediction(prediction_id, answer)

    async def _overdue(self, prediction_id: str) -> Prediction:
        with suppress(ProviderError):  # coglet has stopped it by itself
            await self.cancel(prediction_id)
        message = f"The model took longer than {self.deadline:g} seconds."
        return failed(prediction_id, ProviderError(GenerationErrorCode.TIMED_OUT, message, retryable=True))

    async def _held_up(self, status: int) -> ProviderError:
        """Why the server takes no call now: to wait helps while a run or the setup is under way alone."""
        health = await self._health()
        if health in SICK:
            return NotTakenError(GenerationErrorCode.PROVIDER_UNAVAILABLE, SICK[health], retryable=True)
        if health is None and status == httpx.codes.SERVICE_UNAVAILABLE:
            return UnknownError()  # a gateway's answer, for all that is known
        return HeldBackError(self.line.join(time.monotonic()), for_all=False)

    async def _health(self) -> str | None:
        with suppress(ProviderError):
            health = (await self._ask_quickly("GET", "/health-check")).told().get("status")
            return health if isinstance(health, str) else None
        return None

    def _is_its_own(self, address: str) -> bool:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            return False
        own = self.client.base_url
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)

    async def _ask_quickly(self, method: str, path: str, *, seconds: float = QUICK) -> Answer:
        """For what may be asked twice: a lost answer is no more than a server that is away."""
        try:
            return await self._ask(method, path, seconds=seconds)
        except (TimeoutError, UnknownError) as error:
            raise away() from error

    async def _ask(self, method: str, path: str, *, seconds: float, body: bytes | None = None) -> Answer:
        """One request with its whole answer. Raises NotTakenError, UnknownError and TimeoutError."""
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(seconds),
                self.client.stream(method, path, content=body, headers=headers) as response,
            ):
                return Answer(status=response.status_code, body=await _whole(response))
        except httpx.RequestError as error:
            raise translated(error) from error


class _Line:
    """Spreads those who are held back: however many they are, a few a second ask again.

    Else hundreds of queued images would ask the database and the server every second, all for the
    one place there is.
    """

    FIRST = 1.0
    STEP = 0.1
    LONGEST = 30.0

    def __init__(self) -> None:
        self.last = 0.0

    def join(self, now: float) -> float:
        """The seconds to wait for one more."""
        seconds = min(max(self.FIRST, self.last + self.STEP - now), self.LONGEST)
        self.last = now + seconds
        return seconds


async def _whole(response: httpx.Response) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > LARGEST_ANSWER:
            raise invalid(f"The answer is larger than {LARGEST_ANSWER // 1024 // 1024} MB.")
    return bytes(data)


def _path(prediction_id: str) -> str:
    return f"/predictions/{quote(prediction_id, safe='')}"


def _data_address(data: bytes) -> str:
    kind = next((kind for kind, start in KINDS.items() if start.match(data)), None)
    if kind is None:
        raise refused("The reference image is no PNG, JPEG or WebP.")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
