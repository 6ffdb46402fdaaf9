"""Tokens that this service signs itself."""

import time
from typing import Any
from uuid import UUID

import jwt

from server.identity.secrets import jwt_secret, local_user
from server.settings import Settings, SettingsError

__all__ = ["issue_token", "local_token"]

LOCAL_TTL = 12 * 3600


def issue_token(
    settings: Settings, user_id: UUID, *, ttl: int, role: str = "authenticated", introspection: bool = False
) -> str:
    """Good for ttl seconds. Raises SettingsError where others sign the tokens."""
    secret = jwt_secret(settings)
    if secret is None:
        raise SettingsError("With BATCH_STUDIO_JWKS_URL alone, this service signs no tokens.")
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": str(user_id),
        "role": role,
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + ttl,
    }
    if settings.jwt_issuer is not None:
        claims["iss"] = settings.jwt_issuer
    if introspection:
        claims["app_metadata"] = {"introspection": True}
    return jwt.encode(claims, secret, algorithm="HS256")


def local_token(settings: Settings) -> str:
    """For the local user: the browser and the command line on this machine. Raises as issue_token does."""
    return issue_token(settings, local_user(settings), ttl=LOCAL_TTL)
