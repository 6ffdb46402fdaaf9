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
from schema.node import Row

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

    def refusals(self) -> list[Refusal]:
        return list(refuse_text(self.key, ("idempotencyKey",), KEY_RULE)) if self.key is not None else []

    async def earlier(self) -> Row | None:
        """What the key began before."""
        if self.key is None:
            return None
        async with self._as_worker():
            return await self.session.row("idempotency_key", self.viewer.user_id, self.key)

    async def claim(self) -> Row | None:
        """Takes the key, or waits for who has it and returns what that began."""
        if self.key is None:
            return None
        async with self._as_worker():
            parameters = (self.viewer.user_id, self.key, self.fingerprint)
            if await self.session.row("claim_idempotency_key", *parameters):
                return None
            return await self.session.row("idempotency_key", self.viewer.user_id, self.key)

    async def settle(self, *, batch_id: UUID | None = None, generation_id: UUID | None = None) -> None:
        """What the key began, once it is begun."""
        if self.key is not None:
            async with self._as_worker():
                parameters = (self.viewer.user_id, self.key, batch_id, generation_id)
                await self.session.rows("settle_idempotency_key", *parameters)

    def mismatch(self, earlier: Row) -> list[Refusal]:
        """Nothing where the key was used for this very input."""
        if earlier["input_hash"] == self.fingerprint:
            return []
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
