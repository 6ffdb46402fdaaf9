"""From a token to a Viewer, or a refusal. What a viewer may see is the database's business."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt

from engine.viewer import ANONYMOUS, NOBODY_ID, Viewer
from server.identity.jwks import KeySet

__all__ = ["Authenticator", "BadTokenError", "seconds_left"]

LONGEST_TOKEN = 8_192
LEEWAY = 30
"""Seconds by which clocks may differ: a token counts for so much longer than it says."""
REMEMBERED = 4_096
END_OF_TIME = 253_402_300_800
"""The year 10000, in seconds: no token is good for longer."""
INSTANTS = ("exp", "nbf", "iat")
PUBLIC_KEY_ALGORITHMS = frozenset({"RS256", "ES256"})


class BadTokenError(Exception):
    """The token does not count; the text is fit for the caller."""


class Authenticator:
    """Verifies tokens by the secret (HS256) or the key set (RS256, ES256), and remembers what it verified."""

    def __init__(
        self,
        *,
        secret: bytes | None,
        keys: KeySet | None,
        audience: str,
        issuer: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.secret = secret
        self.keys = keys
        self.audience = audience
        self.issuer = issuer
        self.clock = clock
        self._verified: OrderedDict[str, Viewer] = OrderedDict()

    async def viewer(self, authorization: str | None) -> Viewer:
        """The caller of an Authorization header; anonymous without one.

        Raises BadTokenError, and KeysUnavailableError while nobody can tell whether the token counts.
        """
        token = _bearer(authorization)
        if token is None:
            return ANONYMOUS
        known = self._verified.get(token)
        if known is None:
            known = self._viewer_of(await self._claims(token))
            self._remember(token, known)
        elif known.expires_at is not None and known.expires_at < self.clock():
            del self._verified[token]
            raise BadTokenError("The token has expired.")
        return known

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = await self._key(header)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["exp"], "verify_aud": False},
            )
            _refuse_odd_instants(claims)
            return claims
        except jwt.ExpiredSignatureError:
            raise BadTokenError("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise BadTokenError("The token is not valid.") from None

    async def _key(self, header: dict[str, Any]) -> tuple[Any, str]:
        """By the algorithm alone, so that a public key can never serve as a secret."""
        algorithm = header.get("alg")
        if algorithm == "HS256" and self.secret is not None:
            return self.secret, "HS256"
        if algorithm in PUBLIC_KEY_ALGORITHMS and self.keys is not None:
            key = await self.keys.find(header.get("kid"))
            if key is not None and key.algorithm_name == algorithm:
                return key.key, algorithm
        raise BadTokenError("The token is not valid.")

    def _viewer_of(self, claims: dict[str, Any]) -> Viewer:
        role = claims.get("role", "anon")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        # Supabase's own anon key names no audience; it gives what no token at all gives.
        if self.audience not in audiences and not (role == "anon" and audience is None):
            raise BadTokenError("The token is for somebody else.")
        expires_at = int(claims["exp"]) + LEEWAY
        if role == "anon":
            return Viewer(user_id=None, role="anon", expires_at=expires_at)
        if role != "authenticated":
            raise BadTokenError("The token's role is not one that may ask.")
        return Viewer(
            user_id=_user_id(claims.get("sub")),
            role="authenticated",
            expires_at=expires_at,
            introspects=_introspects(claims),
        )

    def _remember(self, token: str, viewer: Viewer) -> None:
        self._verified[token] = viewer
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)


def seconds_left(viewer: Viewer) -> float | None:
    """How long a socket or a stream may go on under the viewer's token; None without a limit."""
    return None if viewer.expires_at is None else max(0.0, viewer.expires_at - time.time())


def _bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header. Raises BadTokenError for any other scheme."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > LONGEST_TOKEN:
        raise BadTokenError("Authorization must be: Bearer JWT.")
    return token.strip()


def _refuse_odd_instants(claims: dict[str, Any]) -> None:
    """PyJWT reads a text of digits as a time as well; RFC 7519 knows numbers alone. Raises ValueError."""
    for name in INSTANTS:
        value = claims.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < END_OF_TIME:
            raise ValueError(name)


def _introspects(claims: dict[str, Any]) -> bool:
    """In the part of Supabase's claims that a user cannot change."""
    metadata = claims.get("app_metadata")
    return isinstance(metadata, dict) and metadata.get("introspection") is True


def _user_id(subject: Any) -> UUID:
    try:
        user_id = UUID(subject)
    except (ValueError, TypeError, AttributeError):
        raise BadTokenError("The token's sub is no UUID.") from None
    if user_id == NOBODY_ID or str(user_id) != str(subject).lower():
        raise BadTokenError("The token's sub is no user.")
    return user_id
