"""Reads the files that a run made, from the provider's own hosts alone."""

import asyncio
from base64 import b64decode
from urllib.parse import unquote_to_bytes

import httpx

from engine.seams import ProviderError
from engine.words import GenerationErrorCode as Code
from worker.replicate.faults import TROUBLE, read_fault

__all__ = ["LARGEST_OUTPUT", "Outputs"]

DELIVERY = "replicate.delivery"
LARGEST_OUTPUT = 50 * 1024 * 1024
REDIRECTS = 3
TRIES = 3
GONE = frozenset({404, 410})
REFUSED = frozenset({401, 403})
PASSING = frozenset({408, 425, 429})


class Outputs:
    """The token goes to the API's own origin and nowhere else."""

    def __init__(self, http: httpx.AsyncClient, *, address: str, token: str, whole: float) -> None:
        self.http = http
        self.origin = _origin(httpx.URL(address))
        self.token = token
        self.whole = whole

    async def read(self, address: str) -> bytes:
        """The file. Raises ProviderError.

        OUTPUT_EXPIRED and OUTPUT_INVALID are final; with any other code it may be read again later.
        """
        if address.startswith("data:"):
            return _checked(_decoded(address))
        for _ in range(TRIES):
            try:
                return await self._read(address)
            except _CutError:
                continue
        raise _invalid("The provider gave half a file.")

    async def _read(self, address: str) -> bytes:
        try:
            async with asyncio.timeout(self.whole):
                return await self._follow(self._allowed(address))
        except _CutError:
            raise
        except TROUBLE as error:
            raise read_fault(error) from error

    async def _follow(self, url: httpx.URL) -> bytes:
        for _ in range(REDIRECTS + 1):
            async with self.http.stream("GET", url, headers=self._headers(url)) as response:
                if not response.has_redirect_location:
                    return await self._body(response)
                location = response.headers["location"]
            url = self._allowed(location, base=url)
        raise _invalid("The provider's address of the picture redirects too often.")

    def _allowed(self, address: str, *, base: httpx.URL | None = None) -> httpx.URL:
        """Raises ProviderError for an address that is not the provider's own."""
        try:
            url = base.join(address) if base else httpx.URL(address)
            host = url.raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError) as error:
            raise _invalid("The model gave something else than a picture's address.") from error
        delivered = url.scheme == "https" and url.port is None
        if delivered and (host == DELIVERY or host.endswith(f".{DELIVERY}")):
            return url
        if _origin(url) == self.origin:
            return url
        raise _invalid("The picture lies on a host that is not the provider's.")

    def _headers(self, url: httpx.URL) -> dict[str, str]:
        headers = {"accept": "image/*", "accept-encoding": "identity"}
        if _origin(url) == self.origin:
            headers["authorization"] = f"Bearer {self.token}"
        return headers

    async def _body(self, response: httpx.Response) -> bytes:
        if not response.is_success:
            raise self._refusal(response)
        data = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > LARGEST_OUTPUT:
                    raise _invalid(f"The picture is larger than {LARGEST_OUTPUT // 1024 // 1024} MB.")
        except httpx.RemoteProtocolError as error:
            raise _CutError from error
        if response.headers.get("content-type", "").startswith("text/"):
            raise _no_picture()
        return _checked(bytes(data))

    def _refusal(self, response: httpx.Response) -> ProviderError:
        status, ours = response.status_code, _origin(response.url) == self.origin
        if status in GONE or (status in REFUSED and not ours):  # a signed address whose time is over
            return ProviderError(
                Code.OUTPUT_EXPIRED, "The provider has already deleted the picture.", retryable=True
            )
        if status in REFUSED:
            message = "The provider does not accept the service's token."
            return ProviderError(Code.PROVIDER_UNAUTHORIZED, message, retryable=True)
        if status in PASSING or response.is_server_error:
            message = "The provider did not deliver the picture."
            return ProviderError(Code.PROVIDER_UNAVAILABLE, message, retryable=True)
        return _invalid(f"The provider answered for the picture with status {status}.")


class _CutError(Exception):
    """The line ended before the file did."""


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def _decoded(address: str) -> bytes:
    head, comma, data = address.partition(",")
    if not comma or len(data) > LARGEST_OUTPUT * 3 // 2:
        raise _no_picture()
    try:
        return b64decode(unquote_to_bytes(data)) if head.endswith(";base64") else unquote_to_bytes(data)
    except ValueError as error:
        raise _no_picture() from error


def _checked(data: bytes) -> bytes:
    """Decoding decides what it is; what surely is no picture is refused before."""
    if not data:
        raise _invalid("The model gave an empty file.")
    if data[:100].lstrip().startswith(b"<"):
        raise _no_picture()
    return data


def _no_picture() -> ProviderError:
    return _invalid("What the model gave is no picture.")


def _invalid(message: str) -> ProviderError:
    return ProviderError(Code.OUTPUT_INVALID, message, retryable=True)
