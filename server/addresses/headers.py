"""What answers tell browsers, which pages elsewhere may ask, and which proxies are believed."""

from collections.abc import Iterator, Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from server.settings import Settings

__all__ = ["header_middleware", "security_headers"]

# Whatever comes to be served here as a page: its own files alone, no inline script, in no frame of another.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EVERYWHERE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
STRICT_TRANSPORT = {"strict-transport-security": "max-age=31536000"}
"""A year; subdomains are not ours to speak for."""
ASKED_WITH = ("authorization", "content-type", "last-event-id", "x-requested-with")
PREFLIGHT_SECONDS = 600


def header_middleware(settings: Settings) -> Iterator[Middleware]:
    """From the outermost on."""
    if settings.trusted_proxies:
        yield Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    yield Middleware(SecurityHeaders, headers=security_headers(settings))
    if settings.allowed_origins:
        yield _cors(settings.allowed_origins)


def security_headers(settings: Settings) -> dict[str, str]:
    """Browsers heed the one on transport over https alone, and then insist on it for a year."""
    return EVERYWHERE | (STRICT_TRANSPORT if settings.address.startswith("https://") else {})


class SecurityHeaders:
    """Adds what an answer does not say itself; names are in lower case, as ASGI has them."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                given = list(message.get("headers", ()))
                names = {name for name, _ in given}
                message["headers"] = given + [each for each in self.headers if each[0] not in names]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _cors(origins: Sequence[str]) -> Middleware:
    """Tokens are sent in a header of their own, so no page needs a browser's credentials."""
    return Middleware(
        CORSMiddleware,
        allow_origins=[origin.rstrip("/") for origin in origins],
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=list(ASKED_WITH),
        expose_headers=["retry-after"],
        max_age=PREFLIGHT_SECONDS,
    )
