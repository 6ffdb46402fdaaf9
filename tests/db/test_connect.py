"""What is wrong with a database is said in one sentence, which never holds the password."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from db.connect import DatabaseUnusableError, connect, host_of

PASSWORD = "5ecret"
SSL_REQUEST = 80877103

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """The address of a server that talks like this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/studio"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(8)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def postgresql(version: str) -> Talk:
    """A server of this version that lets everybody in (PostgreSQL's documentation, 54.7)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size, code = struct.unpack("!ii", await reader.readexactly(8))
        if code == SSL_REQUEST:
            writer.write(b"N")
            size, code = struct.unpack("!ii", await reader.readexactly(8))
        await reader.readexactly(size - 8)
        parameter = b"server_version\0" + version.encode() + b"\0"
        writer.write(message(b"R", struct.pack("!i", 0)) + message(b"S", parameter))
        writer.write(message(b"K", struct.pack("!ii", 1, 1)) + message(b"Z", b"I"))
        await reader.read(1)

    return talk


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


async def complaint(url: str) -> str:
    with pytest.raises(DatabaseUnusableError) as caught:
        await connect(url, timeout=1)
    return str(caught.value)


async def test_a_database_that_can_be_used_is_connected_to(urls):
    connection = await connect(urls.login)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


@pytest.mark.parametrize("talk", [silence, web, postgresql("9.6.24"), postgresql("14.19")])
async def test_no_complaint_holds_the_password_or_a_second_line(talk):
    async with listening(talk) as url:
        said = await complaint(url)
    assert PASSWORD not in said
    assert said.startswith("The database at 127.0.0.1:")
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize(("version", "major"), [("9.6.24", 9), ("14.19 (Debian 14.19-1)", 14)])
async def test_a_server_that_is_too_old_is_refused(version, major):
    async with listening(postgresql(version)) as url:
        said = await complaint(url)
    assert said.endswith(f"/studio is PostgreSQL {major}; Batch Studio needs 15 or newer.")


@pytest.mark.parametrize("version", ["15.0", "18beta1", "19devel"])
async def test_a_newer_server_is_taken(version):
    async with listening(postgresql(version)) as url:
        connection = await connect(url, timeout=1)
        connection.terminate()


async def test_a_server_that_says_nothing_is_not_waited_for():
    async with listening(silence) as url:
        assert (await complaint(url)).endswith("cannot be reached: no answer in time.")


async def test_a_port_where_nobody_listens_is_out_of_reach():
    said = await complaint(f"postgresql://ada:{PASSWORD}@127.0.0.1:1/studio")
    assert said.startswith("The database at 127.0.0.1:1/studio cannot be reached: Connect call failed")


async def test_a_host_that_does_not_exist_is_out_of_reach():
    said = await complaint(f"postgresql://ada:{PASSWORD}@nowhere.invalid/studio")
    assert said.startswith("The database at nowhere.invalid:5432/studio cannot be reached: ")


async def test_a_wrong_password_is_a_refusal(urls):
    parts = urlsplit(urls.login)
    said = await complaint(urlunsplit(parts._replace(netloc=f"studio_app:{PASSWORD}@")))
    assert said.endswith('refuses the connection: password authentication failed for user "studio_app".')
    assert PASSWORD not in said


async def test_a_database_that_does_not_exist_is_a_refusal(urls):
    said = await complaint(urlunsplit(urlsplit(urls.login)._replace(path="/nowhere")))
    assert said.endswith('refuses the connection: database "nowhere" does not exist.')


@pytest.mark.parametrize("url", ["mysql://ada:5ecret@db/studio", "db/studio", "5ecret", ""])
async def test_another_scheme_is_refused(url):
    assert await complaint(url) == "The database's address must begin with postgresql://."


@pytest.mark.parametrize(
    "password", ["1/5ecret", "5ecret/", "1#5ecret", "1?5ecret", "5ecret[", "1/5ecret?x=y"]
)
async def test_a_password_that_is_not_encoded_is_not_taken_for_a_host(password):
    url = f"postgresql://ada:{password}@db/studio"
    said = await complaint(url)
    assert said.startswith("The database's address cannot be read; in a name or a password,")
    assert "ecret" not in said
    assert host_of(url) == "an address that cannot be read"


async def test_a_setting_that_is_wrong_is_named():
    said = await complaint(f"postgresql://ada:{PASSWORD}@db/studio?sslmode=perhaps")
    assert "`sslmode` parameter must be one of" in said


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://ada:5ecret@db/studio", "db:5432/studio"),
        ("postgres://db:5433/studio", "db:5433/studio"),
        ("postgresql://ada:5ecret@/studio?host=/run/postgresql", "the local socket:5432/studio"),
        ("postgresql://ada:5%40%2Fcret@db/studio?sslmode=require", "db:5432/studio"),
    ],
)
def test_a_place_is_told_without_its_login(url, place):
    assert host_of(url) == place
