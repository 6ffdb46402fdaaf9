"""What the fetcher reaches, and what it never even connects to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from tests.hostile.addresses import INSIDE
from worker.fetching import Fetcher, FetchError, is_public, resolve

PUBLIC = "93.184.215.14"
OTHER = "1.1.1.1"
LIMIT = 1000


class Network(httpcore.AsyncNetworkBackend):
    """A network of hosts that answer with given bytes; every connection is recorded."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.connections: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: object, **__: object):
        await asyncio.sleep(0)
        self.connections.append(host)
        if host not in self.answers:
            raise httpcore.ConnectError
        return httpcore.AsyncMockStream([self.answers[host]])


async def named(host: str, port: int):
    """A name server that knows one public name and what needs no name server."""
    if host == "pictures.example":
        return [ip_address(PUBLIC)]
    return await resolve(host, port)


def answer(body: bytes = b"", *, status: int = 200, **headers: object) -> bytes:
    fields = {"content-length": len(body)} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + body


def redirect(location: str) -> bytes:
    return answer(status=302, location=location)


def fetcher(network: Network, *, loopback: bool = False, resolve=named) -> Fetcher:
    return Fetcher(loopback=loopback, network=network, resolve=resolve)


@asynccontextmanager
async def server(
    behave: Callable[[asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A real server on this machine; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await behave(writer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/picture.png"


def says(data: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behave


@pytest.mark.parametrize("host", INSIDE)
async def test_an_address_inside_is_refused_without_a_connection(host: str) -> None:
    network = Network()
    with pytest.raises(FetchError):
        await fetcher(network).fetch(f"https://{host}/latest/meta-data", limit=LIMIT)
    assert network.connections == []


@pytest.mark.parametrize("host", INSIDE)
async def test_a_redirect_inside_is_refused_without_a_connection(host: str) -> None:
    network = Network(**{PUBLIC: redirect(f"https://{host}/latest/meta-data")})
    with pytest.raises(FetchError):
        await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT)
    assert network.connections == [PUBLIC]


@pytest.mark.parametrize("host", [each for each in INSIDE if each not in ("127.0.0.1", "[::1]")])
async def test_local_mode_opens_nothing_but_this_machine(host: str) -> None:
    network = Network()
    with pytest.raises(FetchError):
        await fetcher(network, loopback=True).fetch(f"https://{host}/", limit=LIMIT)
    assert {each for each in network.connections if not ip_address(each).is_loopback} == set()


@pytest.mark.parametrize(
    "address",
    [
        "http://pictures.example/a.png",
        "ftp://pictures.example/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https:///a.png",
        "https://pictures.example:99999/a.png",
        "https://nowhere.invalid/a.png",
        "https://[::1/a.png",
        "//pictures.example/a.png",
        "a.png",
        "",
        "https://pictures.example\r\nx: y/a.png",
    ],
)
async def test_what_is_no_https_address_is_refused_without_a_connection(address: str) -> None:
    network = Network()
    with pytest.raises(FetchError):
        await fetcher(network, loopback=True).fetch(address, limit=LIMIT)
    assert network.connections == []


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name server that answers differently the second time changes nothing: it is asked once."""
    answers = [PUBLIC, "127.0.0.1"]

    async def rebinding(host: str, port: int):
        await asyncio.sleep(0)
        return [ip_address(answers.pop(0))]

    network = Network(**{PUBLIC: answer(b"picture")})
    picture = await fetcher(network, resolve=rebinding).fetch("https://pictures.example/", limit=LIMIT)
    assert picture == b"picture"
    assert network.connections == [PUBLIC]
    assert answers == ["127.0.0.1"]


class Beside(Network):
    """The same, with this very machine's own network for all other hosts."""

    async def connect_tcp(self, host: str, port: int, *given: Any, **named: Any):
        if host in self.answers:
            return await super().connect_tcp(host, port)
        self.connections.append(host)
        return await httpcore.AnyIOBackend().connect_tcp(host, port, *given, **named)


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[int, list[object]]]:
    """A port of this machine, and whoever came to it."""
    visitors: list[object] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(writer)
        writer.close()

    async with await asyncio.start_server(note, ["127.0.0.1", "::1"], 0) as listening:
        yield listening.sockets[0].getsockname()[1], visitors


@pytest.mark.parametrize("way", ["direct", "redirect", "rebinding"])
async def test_no_way_leads_to_a_port_of_this_machine(way: str) -> None:
    async with canary() as (port, visitors):
        for host in INSIDE:
            inside = f"https://{host}:{port}/latest/meta-data"
            network = Beside(**{PUBLIC: redirect("/again" if way == "rebinding" else inside)})
            asked = iter([PUBLIC])

            async def turning(name: str, port: int, *, host: str = host, asked: Iterator[str] = asked):
                public = next(asked, None)
                return [ip_address(public)] if public else await resolve(host.strip("[]"), port)

            start = inside if way == "direct" else "https://pictures.example/a.png"
            known = turning if way == "rebinding" else named
            with pytest.raises(FetchError):
                await fetcher(network, resolve=known).fetch(start, limit=LIMIT)
            assert set(network.connections) <= {PUBLIC}
    assert visitors == []


async def test_a_name_is_judged_again_after_a_redirect_to_itself() -> None:
    answers = [PUBLIC, "127.0.0.1"]

    async def rebinding(host: str, port: int):
        await asyncio.sleep(0)
        return [ip_address(answers.pop(0))]

    moved = answer(status=302, location="/b.png", connection="close")
    network = Network(**{PUBLIC: moved, "127.0.0.1": answer(b"secret")})
    with pytest.raises(FetchError, match="not a public one"):
        await fetcher(network, resolve=rebinding).fetch("https://pictures.example/a.png", limit=LIMIT)
    assert network.connections == [PUBLIC]


async def test_a_host_with_one_address_inside_is_refused_whole() -> None:
    async def mixed(host: str, port: int):
        await asyncio.sleep(0)
        return [ip_address(PUBLIC), ip_address("10.0.0.1")]

    network = Network(**{PUBLIC: answer(b"picture")})
    with pytest.raises(FetchError, match="not a public one"):
        await fetcher(network, resolve=mixed).fetch("https://pictures.example/", limit=LIMIT)
    assert network.connections == []


async def test_the_next_address_serves_where_the_first_does_not_answer() -> None:
    async def both(host: str, port: int):
        await asyncio.sleep(0)
        return [ip_address("2606:4700::1111"), ip_address(OTHER)]

    network = Network(**{OTHER: answer(b"picture")})
    assert await fetcher(network, resolve=both).fetch("https://pictures.example/", limit=LIMIT) == b"picture"
    assert network.connections == ["2606:4700::1111", OTHER]


async def test_redirects_are_followed_to_other_public_hosts() -> None:
    network = Network(**{PUBLIC: redirect(f"https://{OTHER}/b.png"), OTHER: answer(b"picture")})
    assert await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT) == b"picture"


@pytest.mark.parametrize("location", ["https://pictures.example/again", "", "https://[", "http://1.1.1.1/"])
async def test_a_redirect_that_leads_nowhere_is_refused(location: str) -> None:
    network = Network(**{PUBLIC: redirect(location)})
    with pytest.raises(FetchError):
        await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT)
    assert set(network.connections) == {PUBLIC}


async def test_a_file_above_the_limit_is_refused() -> None:
    network = Network(**{PUBLIC: answer(b"x" * (LIMIT + 1))})
    with pytest.raises(FetchError, match="larger than"):
        await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT)
    network = Network(**{PUBLIC: answer(b"x" * LIMIT)})
    assert len(await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT)) == LIMIT


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 500])
async def test_any_other_status_is_named(status: int) -> None:
    network = Network(**{PUBLIC: answer(status=status)})
    with pytest.raises(FetchError, match=str(status)):
        await fetcher(network).fetch("https://pictures.example/a.png", limit=LIMIT)


async def test_local_mode_fetches_from_this_machine() -> None:
    async with server(says(answer(b"picture"))) as address:
        assert await Fetcher(loopback=True).fetch(address, limit=LIMIT) == b"picture"
        with pytest.raises(FetchError, match="Only https"):
            await Fetcher(loopback=False).fetch(address, limit=LIMIT)


async def test_local_mode_fetches_unencrypted_from_this_machine_alone() -> None:
    network = Network(**{PUBLIC: answer(b"picture")})
    with pytest.raises(FetchError, match="Only https"):
        await fetcher(network, loopback=True).fetch("http://pictures.example/a.png", limit=LIMIT)


async def test_a_server_that_drips_is_left_after_the_whole_time() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with server(drip) as address:
        with pytest.raises(FetchError, match="too long"):
            await Fetcher(loopback=True, timeout=0.1).fetch(address, limit=LIMIT)


@pytest.mark.parametrize(
    "data",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nhalf"],
    ids=["nothing", "garbage", "half a file"],
)
async def test_half_an_answer_is_none(data: bytes) -> None:
    async with server(says(data)) as address:
        with pytest.raises(FetchError, match="does not answer"):
            await Fetcher(loopback=True).fetch(address, limit=LIMIT)


@pytest.mark.parametrize("address", [PUBLIC, OTHER, "2606:4700::1111", "2a00:1450:4001:827::200e"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))
