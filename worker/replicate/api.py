"""The calls of Replicate's API, by its package; what they raise is for `faults` to translate.

The package's second version is taken, a beta, and told to repeat nothing: 1.0.7 has no time-out of
its own, does not know the status `aborted`, loses a 429's retry_after and repeats GETs ten times.
Of the second version's models nothing is used but the JSON below them, which no new status breaks.
"""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from replicate import AsyncReplicate, omit

from worker.fetching import tls
from worker.replicate.faults import BadAnswerError

__all__ = ["Api", "ModelName", "Timeouts"]

EVENTS = ["start", "completed"]
# As many connections as the worker makes calls: its concurrency is the limit. An idle one is left before
# servers leave it, many of them after 5 s: a call that meets a closing line is one of unknown end.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=3.0)
HALF_A_SECOND = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: for a connection, between two pieces of an answer, for a whole call, to learn of a model."""

    connect: float = 5.0
    read: float = 30.0
    whole: float = 60.0
    learn: float = 10.0

    @property
    def httpx(self) -> httpx.Timeout:
        return httpx.Timeout(self.read, connect=self.connect, pool=self.connect)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """`owner/name` for an official model, `owner/name:version` for any other."""

    owner: str
    name: str
    version: str | None

    @classmethod
    def parsed(cls, text: str) -> "ModelName":
        path, _, version = text.partition(":")
        owner, _, name = path.partition("/")
        return cls(owner=owner, name=name, version=version or None)

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.name}"


class Api:
    """address is without /v1. ahead says how many seconds the provider's clock goes before ours.

    Raises what faults.TROUBLE lists. Close it at the end.
    """

    def __init__(
        self, token: str, address: str, *, timeouts: Timeouts, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        # A redirect is not followed: the package would call again, with the token, wherever it leads.
        self.http = httpx.AsyncClient(
            timeout=timeouts.httpx,
            limits=LIMITS,
            follow_redirects=False,
            transport=transport,
            verify=tls(),
        )
        self.client = AsyncReplicate(
            bearer_token=token,
            base_url=f"{address}/v1",
            timeout=timeouts.httpx,
            max_retries=0,
            http_client=self.http,
        )
        self.timeouts = timeouts
        self.ahead: float | None = None

    async def close(self) -> None:
        await self.http.aclose()

    async def create(
        self, model: ModelName, input: Mapping[str, Any], *, deadline: float, webhook: str | None
    ) -> Mapping[str, Any]:
        told = {"webhook": webhook, "webhook_events_filter": EVENTS} if webhook else {}
        given: dict[str, Any] = {"input": dict(input), "cancel_after": f"{deadline:.0f}s", **told}
        if model.version:
            predictions = self.client.predictions.with_raw_response
            return await self._answer(predictions.create(version=model.version, **given))
        official = self.client.models.predictions.with_raw_response
        return await self._answer(official.create(model_owner=model.owner, model_name=model.name, **given))

    async def prediction(self, id: str) -> Mapping[str, Any]:
        return await self._answer(self.client.predictions.with_raw_response.get(prediction_id=id))

    async def cancel(self, id: str) -> None:
        await self._answer(self.client.predictions.with_raw_response.cancel(prediction_id=id))

    async def page(self, *, created_after: str | None, cursor: str | None) -> Mapping[str, Any]:
        """A page of the list of runs, newest first."""
        predictions = self.client.predictions.with_raw_response
        return await self._answer(
            predictions.list(
                created_after=created_after or omit, extra_query={"cursor": cursor} if cursor else None
            )
        )

    async def model(self, name: ModelName) -> Mapping[str, Any]:
        """The version's description, or the latest version's; no call of the moment waits for it long."""
        async with asyncio.timeout(self.timeouts.learn):
            return await self._version(name)

    async def _version(self, name: ModelName) -> Mapping[str, Any]:
        models, owner = self.client.models, name.owner
        if name.version:
            version = models.versions.with_raw_response.get
            return await self._answer(
                version(model_owner=owner, model_name=name.name, version_id=name.version)
            )
        model = models.with_raw_response.get
        latest = (await self._answer(model(model_owner=owner, model_name=name.name))).get("latest_version")
        return latest if isinstance(latest, dict) else {}

    async def upload(self, data: bytes, content_type: str) -> str:
        """The address under which models can read the file."""
        name = f"reference.{content_type.partition('/')[2]}"
        files = self.client.files.with_raw_response
        answer = await self._answer(
            files.create(content=(name, data, content_type), filename=name, type=content_type)
        )
        urls = answer.get("urls")
        if not isinstance(urls, dict) or not isinstance(urls.get("get"), str):
            raise BadAnswerError("a file without an address")
        return str(urls["get"])

    async def webhook_secret(self) -> str:
        answer = await self._answer(self.client.webhooks.default.secret.with_raw_response.get())
        if not isinstance(answer.get("key"), str):
            raise BadAnswerError("no key")
        return str(answer["key"])

    async def _answer(self, call: Awaitable[Any]) -> Mapping[str, Any]:
        async with asyncio.timeout(self.timeouts.whole):
            response: httpx.Response = (await call).http_response
        self._set_clock(response.headers.get("date"))
        body = response.json()
        if not isinstance(body, dict):
            raise BadAnswerError("no object")
        return body

    def _set_clock(self, date: str | None) -> None:
        try:
            moment = parsedate_to_datetime(date or "").timestamp()
        except (ValueError, OverflowError):
            return
        self.ahead = moment + HALF_A_SECOND - time.time()
