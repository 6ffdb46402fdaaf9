"""Fetches files from addresses that strangers give: public hosts alone, limited in size and time.

The host is resolved once, every address it has is judged, and the connection goes to an address
that was judged, again for each redirect: neither a redirect nor a second answer of the name server
leads inside (SSRF, DNS rebinding).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Protocol
from urllib.parse import urljoin

import httpcore
import httpx

__all__ = ["FetchError", "Fetcher", "Reads", "is_loopback", "is_public", "resolve", "tls"]

TIMEOUT = 20.0
CONNECT_TIMEOUT = 5.0
REDIRECTS = 5
LAST_PORT = 65535
REDIRECTING = frozenset({301, 302, 303, 307, 308})

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

# is_global of Python 3.11 calls some of these global: whatever can lead back inside is listed here.
UNICAST6 = ip_network("2000::/3")  # all others, NAT64, IPv4-mapped and -compatible ones too, lead inside
INWARD = [
    ip_network(each)
    for each in (
        "2001::/23",
        "2002::/16",  # 6to4
        "3fff::/20",
        "168.63.129.16/32",  # Azure's own, inside every virtual machine there
        "192.0.0.0/24",
        "192.88.99.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]


class FetchError(Exception):
    """The file could not be had; the text is fit for a person and names no address."""


class Reads(Protocol):
    """Whoever has the files of references."""

    async def fetch(self, reference: str, /, *, limit: int) -> bytes:
        """At most limit bytes. Raises FetchError."""
        ...


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a host. Raises FetchError where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ip_address(str(each[4][0]).split("%")[0]) for each in found]
    except (OSError, ValueError, OverflowError):
        raise FetchError("The address's host is not known.") from None


class Fetcher:
    """loopback allows this very machine too (local mode), there without encryption."""

    def __init__(
        self,
        *,
        loopback: bool,
        timeout: float = TIMEOUT,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self.loopback = loopback
        self.timeout = timeout
        self.guard = _Guard(loopback, resolve, network or httpcore.AnyIOBackend())

    async def fetch(self, address: str, *, limit: int) -> bytes:
        """The file at an https address, at most limit bytes. Raises FetchError."""
        try:
            async with (
                asyncio.timeout(self.timeout),
                httpcore.AsyncConnectionPool(tls(), network_backend=self.guard) as pool,
            ):
                return await self._follow(pool, address, limit)
        except TimeoutError:
            raise FetchError("It took too long.") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
            ValueError,
        ):
            raise FetchError("The address does not answer.") from None

    async def _follow(self, pool: httpcore.AsyncConnectionPool, address: str, limit: int) -> bytes:
        for _ in range(REDIRECTS + 1):
            url = self._parsed(address)
            async with pool.stream("GET", url, headers={"accept": "image/*"}) as response:
                if response.status not in REDIRECTING:
                    return await _body(response, limit)
                location = dict(response.headers).get(b"location", b"").decode("latin-1")
            address = urljoin(address, location)
        raise FetchError("It redirects too often.")

    def _parsed(self, address: str) -> httpcore.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise FetchError("This is no address.") from None
        if url.scheme != "https" and not (url.scheme == "http" and self.loopback and is_loopback(url.host)):
            raise FetchError("Only https addresses can be fetched.")
        if url.port is not None and url.port > LAST_PORT:
            raise FetchError("This is no address.")
        return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def is_public(address: Address) -> bool:
    """Whether a connection to this address certainly leaves the inside."""
    if isinstance(address, IPv6Address) and address not in UNICAST6:
        return False
    inward = any(address in network for network in INWARD if network.version == address.version)
    return address.is_global and not inward


def is_loopback(host: str) -> bool:
    """Whether a host, as an address writes it, names this very machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def tls() -> ssl.SSLContext:
    """Made once: reading the authorities' certificates takes longer than many a fetch."""
    return httpx.create_ssl_context()


async def _body(response: httpcore.Response, limit: int) -> bytes:
    if response.status != 200:
        raise FetchError(f"The address answers with status {response.status}.")
    data = bytearray()
    async for chunk in response.aiter_stream():
        data += chunk
        if len(data) > limit:
            raise FetchError(f"It is larger than {limit / 1024 / 1024:.3g} MB.")
    return bytes(data)


class _Guard(httpcore.AsyncNetworkBackend):
    """Resolves a name itself and connects to an address it has judged, or to none."""

    def __init__(self, loopback: bool, resolve: Resolve, network: httpcore.AsyncNetworkBackend) -> None:
        self.loopback = loopback
        self.resolve = resolve
        self.network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self.resolve(host, port)
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise FetchError("The address is not a public one.")
        return await self._first(addresses, port)

    async def sleep(self, seconds: float) -> None:
        await self.network.sleep(seconds)

    async def _first(self, addresses: Sequence[Address], port: int) -> httpcore.AsyncNetworkStream:
        """A connection to the first that answers: a host may have an IPv6 address that leads nowhere."""
        *others, last = addresses
        for each in others:
            try:
                return await self.network.connect_tcp(str(each), port, CONNECT_TIMEOUT)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self.network.connect_tcp(str(last), port, CONNECT_TIMEOUT)

    def _allowed(self, address: Address) -> bool:
        return is_public(address) or (self.loopback and address.is_loopback)
