"""The public keys of whoever signs the tokens: fetched, kept, and fetched again for an unknown key."""

import asyncio
import time
from typing import Any

import httpx
import jwt
import structlog

__all__ = ["KeySet", "KeysUnavailableError"]

GOOD_FOR = 600.0
"""Seconds after which the keys are fetched again."""
NOT_BEFORE = 10.0
"""Seconds between two fetches, whatever key ids strangers make up."""
TIMEOUT = 5.0

logger = structlog.get_logger()


class KeysUnavailableError(Exception):
    """No key was ever seen: whether a token counts is not known, and another try may tell."""


class KeySet:
    """The keys at a JWKS address. In an outage those that are known go on counting."""

    def __init__(self, url: str, *, good_for: float = GOOD_FOR, not_before: float = NOT_BEFORE) -> None:
        self.url = url
        self.good_for = good_for
        self.not_before = not_before
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = 0.0
        self._tried_at = 0.0
        self._fetching = asyncio.Lock()

    async def find(self, kid: Any) -> jwt.PyJWK | None:
        """The key of this id; None for one that the set does not have. Raises KeysUnavailableError."""
        if not isinstance(kid, str):
            return None
        if kid not in self._keys or self._is_stale():
            await self._fetch_once()
        if not self._keys:
            raise KeysUnavailableError
        return self._keys.get(kid)

    def _is_stale(self) -> bool:
        """For one caller: while that one fetches, what is known is good enough for the others."""
        return time.monotonic() - self._fetched_at > self.good_for and not self._fetching.locked()

    async def _fetch_once(self) -> None:
        async with self._fetching:
            await self._fetch_unless_just_tried()

    async def _fetch_unless_just_tried(self) -> None:
        if self._tried_at and time.monotonic() - self._tried_at < self.not_before:
            return
        self._tried_at = time.monotonic()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT) as client:
                response = await client.get(self.url)
                response.raise_for_status()
                found = jwt.PyJWKSet.from_dict(response.json()).keys
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, AttributeError) as error:
            logger.warning("jwks_unavailable", reason=type(error).__name__)
            return
        self._keys = {key.key_id: key for key in found if key.key_id and key.public_key_use != "enc"}
        self._fetched_at = time.monotonic()
