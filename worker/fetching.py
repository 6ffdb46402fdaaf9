"""Fetches files from addresses that strangers give: public hosts alone, limited in size and time.

The host is resolved once, every address it has is judged, and the connection goes to the address
that was judged, again for each redirect: neither a redirect nor a second answer of the name server
leads inside (SSRF, DNS rebinding).
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin

import httpcore

__all__ = ["FetchError", "Fetcher", "is_public"]

TIMEOUT = 20.0
REDIRECTS = 5
REDIRECTING = frozenset({301, 302, 303, 307, 308})

# is_global of Python 3.11 calls some of these global: whatever can lead back inside is listed here.
INWARD = [
    ip_network(each)
    for each in (
        "::/96",  # IPv4-compatible, ::127.0.0.1
        "::ffff:0:0/96",
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",  # 6to4
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "192.88.99.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]


class FetchError(Exception):
    """The file could not be had; the text is fit for a person and names no address."""


class Fetcher:
    """loopback allows this very machine too (local mode)."""

    def __init__(self, *, loopback: bool) -> None:
        self.loopback = loopback

    async def fetch(self, address: str, *, limit: int) -> bytes:
        """The file at an https address, at most limit bytes. Raises FetchError."""
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                httpcore.AsyncConnectionPool(network_backend=_Guard(self.loopback)) as pool,
            ):
                return await _follow(pool, address, limit, loopback=self.loopback)
        except TimeoutError:
            raise FetchError("It took too long.") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            ValueError,
        ):
            raise FetchError("The address does not answer.") from None
        except httpcore.UnsupportedProtocol:
            raise FetchError("Only https addresses can be fetched.") from None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether a connection to this address certainly leaves the inside."""
    return address.is_global and not any(
        address in network for network in INWARD if network.version == address.version
    )


async def _follow(pool: httpcore.AsyncConnectionPool, address: str, limit: int, *, loopback: bool) -> bytes:
    for _ in range(REDIRECTS + 1):
        if not address.startswith("https://") and not (loopback and address.startswith("http://")):
            raise FetchError("Only https addresses can be fetched.")
        async with pool.stream("GET", address, headers={"accept": "image/*"}) as response:
            if response.status not in REDIRECTING:
                return await _body(response, limit)
            location = dict(response.headers).get(b"location", b"").decode("latin-1")
        address = urljoin(address, location)
    raise FetchError("It redirects too often.")


async def _body(response: httpcore.Response, limit: int) -> bytes:
    if response.status != 200:
        raise FetchError(f"The address answers with status {response.status}.")
    data = bytearray()
    async for chunk in response.aiter_stream():
        data += chunk
        if len(data) > limit:
            raise FetchError(f"It is larger than {limit // 1024 // 1024} MB.")
    return bytes(data)


class _Guard(httpcore.AsyncNetworkBackend):
    """Resolves a name itself and connects to an address it has judged, or to none."""

    def __init__(self, loopback: bool) -> None:
        self.loopback = loopback
        self.network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _resolve(host, port)
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise FetchError("The address is not a public one.")
        return await self.network.connect_tcp(str(addresses[0]), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self.network.sleep(seconds)

    def _allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return is_public(address) or (self.loopback and address.is_loopback)


async def _resolve(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError("The address's host is not known.") from None
    return [ip_address(str(each[4][0]).split("%")[0]) for each in found]
