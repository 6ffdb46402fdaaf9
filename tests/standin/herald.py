"""Tells webhooks how runs stand, as Replicate does, or as badly as the dice say."""

import asyncio
import json
import os
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from tests.standin.behaviour import Behaviour
from tests.standin.ledger import NEVER, Run

__all__ = ["SECRET", "Herald", "signed"]

SECRET = "whsec_" + b64encode(b"the secret of the stand-in alone").decode()
FORGED = "whsec_" + b64encode(b"the secret of somebody else here").decode()
TRIES = 6
PAUSE = 0.5


def signed(
    body: bytes, *, secret: str = SECRET, id: str = "msg_1", at: datetime | None = None
) -> dict[str, str]:
    """The headers of a webhook with this body."""
    moment = at or datetime.now(UTC)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, moment, body.decode()),
        "content-type": "application/json",
    }


class Herald:
    """Use it as an async context manager; what it has not told yet is not told after it."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.counts: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.client = httpx.AsyncClient(timeout=5)

    async def __aenter__(self) -> "Herald":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.fall_silent()
        await self.client.aclose()

    def fall_silent(self) -> None:
        for task in self.tasks:
            task.cancel()

    def follow(self, run: Run) -> None:
        """Tells the run's webhook its start and its end."""
        if run.webhook is None or "webhook_lost" in run.fates:
            return
        task = asyncio.create_task(self._tell_all(run))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _tell_all(self, run: Run) -> None:
        start = self._body(run, run.created)
        if "start" in run.events and "webhook_shuffled" not in run.fates:
            await self._tell(run, start, tries=1)
        await self._end_of(run)
        if "webhook_late" in run.fates:
            await asyncio.sleep(self.behaviour.late_seconds)
        for _ in range(2 if "webhook_doubled" in run.fates else 1):
            await self._tell(run, self._body(run, run.ended), tries=TRIES)
        if "start" in run.events and "webhook_shuffled" in run.fates:
            await self._tell(run, start, tries=1)

    async def _end_of(self, run: Run) -> None:
        while (left := run.ended - self._now()) > 0:
            run.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(run.changed.wait(), None if left == NEVER else left)

    async def _tell(self, run: Run, body: bytes, *, tries: int) -> None:
        secret = FORGED if "webhook_forged" in run.fates else SECRET
        id = f"msg_{os.urandom(12).hex()}"
        for number in range(tries):
            self.counts["sent"] += 1
            with suppress(httpx.HTTPError):
                headers = signed(body, secret=secret, id=id)
                answer = await self.client.post(run.webhook or "", content=body, headers=headers)
                if answer.is_success:
                    self.counts["accepted"] += 1
                    return
            await asyncio.sleep(PAUSE * 2**number)

    def _body(self, run: Run, at: float) -> bytes:
        return json.dumps(run.as_json(at, with_webhook=True)).encode()

    def _now(self) -> float:
        return datetime.now(UTC).timestamp() + self.behaviour.ahead
