"""The public keys of whoever signs the tokens: fetched, kept, and fetched again for an unknown key."""

import asyncio
import time
from typing import Any

import httpx
import jwt
import structlog

__all__ = ["KeySet"]

GOOD_FOR = 600.0
"""Seconds after which the keys are fetched again."""
NOT_BEFORE = 10.0
"""Seconds between two fetches, whatever key ids strangers make up."""
TIMEOUT = 5.0

logger = structlog.get_logger()


class KeySet:
    """The keys at a JWKS address. An outage is tolerated as long as a key was ever seen."""

    def __init__(self, url: str, *, good_for: float = GOOD_FOR, not_before: float = NOT_BEFORE) -> None:
        self.url = url
        self.good_for = good_for
        self.not_before = not_before
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = 0.0
        self._tried_at = 0.0
        self._fetching = asyncio.Lock()

    async def find(self, kid: Any) -> jwt.PyJWK | None:
        """The key of this id; None for one that the set does not have."""
        if not isinstance(kid, str):
            return None
        now = time.monotonic()
        if kid not in self._keys or now - self._fetched_at > self.good_for:
            async with self._fetching:
                await self._fetch_unless_just_tried()
        return self._keys.get(kid)

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
        self._keys = {key.key_id: key for key in found if key.key_id}
        self._fetched_at = time.monotonic()
