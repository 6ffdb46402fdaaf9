"""The same key and input give the first answer again; the same key and another input are refused."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import strawberry

from db.session import Session
from engine.refusals import Refusal, TextRule, refuse_text
from engine.viewer import Viewer
from engine.words import UserErrorCode

__all__ = ["Once"]

KEY_RULE = TextRule(longest=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One use of an idempotency key inside the transaction that it guards; key None guards nothing."""

    session: Session
    viewer: Viewer
    operation: str
    key: str | None
    input: Any

    async def earlier(self) -> UUID | list[Refusal] | None:
        """What the key began before, or why it cannot be used; None where it is new."""
        if self.key is None:
            return None
        if refusals := refuse_text(self.key, ("idempotencyKey",), KEY_RULE):
            return refusals
        async with self._as_worker():
            return await self._answer()

    async def claim(self) -> UUID | list[Refusal] | None:
        """Takes the key, or waits for who has it and answers as `earlier` does."""
        if self.key is None:
            return None
        async with self._as_worker():
            parameters = (self.viewer.user_id, self.key, self.fingerprint)
            if await self.session.row("claim_idempotency_key", *parameters):
                return None
            return await self._answer()

    async def settle(self, result_id: UUID) -> None:
        """What the key began, once it is begun. The session is the worker's by now."""
        if self.key is not None:
            parameters = (self.viewer.user_id, self.key, result_id)
            await self.session.rows("settle_idempotency_key", *parameters)

    async def _answer(self) -> UUID | list[Refusal] | None:
        """What the key began, where it was for this very input. The session is the worker's."""
        earlier = await self.session.row("idempotency_key", self.viewer.user_id, self.key)
        if earlier is None:
            return None
        if earlier["input_hash"] == self.fingerprint:
            began: UUID = earlier["result_id"]
            return began
        return [
            Refusal(
                path=("idempotencyKey",),
                code=UserErrorCode.IDEMPOTENCY_MISMATCH,
                message="This idempotency key was used for a different input.",
            )
        ]

    @property
    def fingerprint(self) -> str:
        """The same for the same operation and input, whatever the order of its JSON."""
        given = strawberry.asdict(self.input)
        given.pop("idempotency_key")
        text = orjson.dumps([self.operation, given], option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.sha256(text).hexdigest()

    @asynccontextmanager
    async def _as_worker(self) -> AsyncIterator[None]:
        await self.session.become_worker()
        yield
        await self.session.become(self.viewer)
