"""Models that Replicate runs, behind the Provider seam."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx
import replicate

from engine.seams import Call, Model, Output, Prediction, PredictionState, ProviderError, Run
from engine.words import GenerationErrorCode
from worker.fetching import Reads
from worker.replicate.api import Api, ModelName, Timeouts
from worker.replicate.catalog import Catalog
from worker.replicate.faults import TROUBLE, create_fault, read_fault
from worker.replicate.inputs import Inputs
from worker.replicate.listing import find_run
from worker.replicate.outputs import Outputs
from worker.replicate.standing import DEADLINE, Watching, run_id, standing

__all__ = ["ReplicateProvider"]

ALREADY_ENDED = frozenset({400, 404, 409, 410, 422})
TOLD = {"soonest": 2.0, "latest": 10.0}
"""Seconds between two looks at a run whose end a webhook tells: only a lost one is waited for."""


class ReplicateProvider:
    """models are names, `owner/name` or `owner/name:version`; address is the API's without /v1.

    deadline is the number of seconds after which the provider gives a run up. webhook_url gives a
    call's own address, which ends in its id; without it runs are polled. Call `load` once it is
    open, and close it at the end: it is an async context manager.
    """

    name = "replicate"
    rated = True
    takes_ids = False

    def __init__(
        self,
        *,
        token: str,
        address: str,
        models: Sequence[str],
        references: Reads,
        deadline: float = DEADLINE,
        webhook_url: Callable[[UUID], str] | None = None,
        timeouts: Timeouts | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        timeouts = timeouts or Timeouts()
        address = address.rstrip("/")
        self.api = Api(token, address, timeouts=timeouts, transport=transport)
        self.catalog = Catalog(self.api, models)
        self.inputs = Inputs(self.api, self.catalog, references)
        self.outputs = Outputs(self.api.http, address=address, token=token, whole=timeouts.whole)
        self.deadline = deadline
        self.webhook_url = webhook_url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.close()

    async def load(self) -> None:
        """Learns the models' inputs; what an outage hides is learned when it is needed."""
        await self.catalog.load()

    async def webhook_secret(self) -> str:
        """The key that the account's webhooks are signed with. Raises ProviderError."""
        try:
            return await self.api.webhook_secret()
        except TROUBLE as error:
            raise read_fault(error) from error

    def models(self) -> Sequence[Model]:
        return self.catalog.models()

    async def prepare(self, run: Run) -> Mapping[str, Any]:
        return await self.inputs.prepared(run)

    async def submit(self, call: Call) -> Prediction:
        webhook = self.webhook_url(call.id) if self.webhook_url else None
        model = ModelName.parsed(call.model)
        try:
            run = await self.api.create(model, call.input, deadline=self.deadline, webhook=webhook)
            return standing(run, self.watching)
        except Exception as error:  # a bug of ours, too, must not lead to a second run that is paid
            raise create_fault(error) from error

    async def find(self, call: Call, known: Collection[str]) -> Prediction | None:
        """What is found still has to be asked for: a list may be behind."""
        try:
            run = await find_run(self.api, call, known)
        except TROUBLE as error:
            raise read_fault(error) from error
        if run is None:
            return None
        return Prediction(id=run_id(run), state=PredictionState.RUNNING, wait=self.watching.soonest)

    async def fetch(self, prediction_id: str, run: Run) -> Prediction:
        """Raises only where the provider cannot be asked now: it may be asked again."""
        try:
            return standing(await self.api.prediction(prediction_id), self.watching)
        except replicate.NotFoundError:
            return Prediction(id=prediction_id, state=PredictionState.FAILED, error=_forgotten())
        except TROUBLE as error:
            raise read_fault(error) from error

    async def cancel(self, prediction_id: str) -> bool:
        try:
            await self.api.cancel(prediction_id)
        except TROUBLE as error:
            if not _has_ended(error):
                raise read_fault(error) from error
        return False

    async def read(self, output: Output, run: Run) -> bytes:
        """The file. OUTPUT_EXPIRED and OUTPUT_INVALID are final, all else may be tried again."""
        return await self.outputs.read(output.address)

    @property
    def watching(self) -> Watching:
        pace = TOLD if self.webhook_url else {}
        return Watching(deadline=self.deadline, ahead=self.api.ahead or 0.0, **pace)


def _has_ended(error: Exception) -> bool:
    return isinstance(error, replicate.APIStatusError) and error.response.status_code in ALREADY_ENDED


def _forgotten() -> ProviderError:
    return ProviderError(
        GenerationErrorCode.OUTPUT_EXPIRED, "The provider does not know this run any more.", retryable=True
    )
