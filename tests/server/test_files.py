"""Stored pictures are served behind signed addresses; a thumbnail is made on its first request and kept."""

import asyncio
from contextlib import asynccontextmanager
from hashlib import sha256
from io import BytesIO
from urllib.parse import unquote
from uuid import uuid4

import asyncpg
import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route

from engine.seams import StorageError
from server.addresses.files import Files
from server.identity.secrets import local_user, signing_secret
from server.identity.signing import Signer
from tests.along import LEAKS
from tests.standin.s3 import bucket
from worker.children import Children
from worker.storage import ObjectStorage, open_storage


@pytest.fixture
def storage(shared_api):
    return open_storage(shared_api.settings.storage)


@pytest.fixture
def put(shared_api, storage, shared_urls):
    """Stores a file; its signed address."""
    signer = Signer(signing_secret(shared_api.settings), f"{shared_api.address}/files/")

    async def put(name="boat.png", data=None):
        key = f"{uuid4()}/{name}"
        if data is not None:
            await storage.write(key, data, "image/png")
        connection = await asyncpg.connect(shared_urls.owner)
        try:
            return await connection.fetchval("select studio.signed_address($1, $2)", key, signer.parameters())
        finally:
            await connection.close()

    return put


def picture(width=300, kind="PNG"):
    stream = BytesIO()
    Image.new("RGB", (width, 200), "teal").save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("boat.png", "image/png"), ("boat.jpg", "image/jpeg"), ("boat.webp", "image/webp"), ("x", None)],
)
async def test_a_file_is_served_as_what_it_was_stored_as_and_nothing_else(name, kind, put, as_anonymous):
    response = await as_anonymous.get(await put(name, b"whatever it is"))

    assert (response.status_code, response.content) == (200, b"whatever it is")
    assert response.headers["content-type"] == (kind or "application/octet-stream")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (
        response.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    )
    assert response.headers["cache-control"].startswith("private")


async def test_a_missing_thumbnail_is_made_and_kept(put, storage, as_anonymous):
    address = await put("boat.png.200.webp")
    key = address.partition("/files/")[2].partition("?")[0]
    await storage.write(key.removesuffix(".200.webp"), picture(), "image/png")

    response = await as_anonymous.get(address)

    assert response.headers["content-type"] == "image/webp"
    assert Image.open(BytesIO(response.content)).size == (200, 133)
    assert await storage.read(key) == response.content


@pytest.mark.parametrize("data", [None, b"no picture", picture()[:100]])
async def test_a_thumbnail_of_nothing_that_can_be_made_smaller_is_absent(data, put, storage, as_anonymous):
    address = await put("boat.png.400.webp")
    key = address.partition("/files/")[2].partition("?")[0]
    if data is not None:
        await storage.write(key.removesuffix(".400.webp"), data, "image/png")

    assert (await as_anonymous.get(address)).status_code == 404


async def test_an_absent_file_and_a_bad_signature_get_the_same_answer(put, as_anonymous):
    there, absent = await put(data=b"there"), await put()
    forged = there[:-4] + "AAAA"

    answers = [await as_anonymous.get(address) for address in (absent, forged)]

    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "change",
    [
        lambda address: address.partition("?")[0],
        lambda address: address.replace("expires=", "expires=1"),
        lambda address: address.replace("signature=", "signature=x"),
        lambda address: address.replace("boat.png", "boat.png.200.webp"),
        lambda address: address.replace("boat.png", "%2e%2e/boat.png"),
        lambda address: address.replace("boat.png", "..%2fboat.png"),
        lambda address: address.replace("boat.png", "%00boat.png"),
        lambda address: address.replace("boat.png", "%ff"),
        lambda address: address.replace("boat.png", "%f0%9f%8c%8a"),
        lambda address: address.replace("/files/", "/files//etc/passwd/"),
        lambda address: address.partition("/files/")[0] + "/files/",
        lambda address: address + "&signature=AAAA",
        lambda address: address + "x" * 5_000,
    ],
)
async def test_an_address_that_was_changed_leads_nowhere(change, put, as_anonymous):
    address = await put(data=b"secret")

    response = await as_anonymous.get(change(address))

    assert response.status_code == 404
    assert b"secret" not in response.content


TRAVERSALS = [
    f"{before}{step * steps}{target}"
    for before in ("", "6d2e0175-afe7-4de2-9c26-a4e5e8f03c36/")
    for step, steps in [
        ("../", 1),
        ("../", 3),
        ("..\\", 2),
        ("%2e%2e/", 2),
        ("..%2f", 2),
        ("%2e%2e%2f", 2),
        ("%252e%252e%252f", 2),
        ("..%c0%af", 2),
        ("..;/", 2),
        ("....//", 2),
        ("./../", 2),
        ("//", 1),
        ("..%5c", 2),
    ]
    for target in ("jwt-secret", "local-user")
]
OTHER_NAMES = [
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "C:\\windows\\win.ini",
    "~/.ssh/id_rsa",
    "..",
    ".",
    "...",
    "%2e",
    "%00",
    "a%00.png",
    "jwt-secret%00.png",
    "../jwt-secret.200.webp",
    "%0d%0aset-cookie:%20a=b",
    "x" * 3_000,
]


async def raw(address, target):
    """The answer to a path that no client has tidied up."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    LEAKS.read_answer(answer)
    return answer


@pytest.mark.parametrize("name", [*TRAVERSALS, *OTHER_NAMES], ids=lambda name: name[:40])
async def test_no_name_leads_out_of_the_storage_even_where_we_had_signed_it(name, storage, shared_api):
    """As it is written, and as whoever stands between may have decoded it."""
    kept = [str(local_user(shared_api.settings)).encode(), signing_secret(shared_api.settings)]
    expires, signature = signed(unquote(name), shared_api)

    answer = await raw(shared_api.address, f"/files/{name}?expires={expires}&signature={signature}")
    found = [await read_or_none(storage, each) for each in (name, unquote(name), unquote(unquote(name)))]

    assert answer.split(b" ", 2)[1] in (b"404", b"400", b"503")
    assert not [each for each in (*kept, b"root:") if each in answer]
    assert found == [None, None, None]


def signed(key, service):
    """When it ends and its signature, made as studio.signed_address does, which takes no key with a NUL."""
    _, query, inner, outer = Signer(signing_secret(service.settings), "").parameters()
    digest = sha256(bytes.fromhex(inner) + (query + key).encode(errors="surrogateescape")).digest()
    whole = sha256(bytes.fromhex(outer) + digest).digest()
    return query.partition("expires=")[2].partition("&")[0], whole.hex()


async def read_or_none(storage, key):
    try:
        return await storage.read(key)
    except StorageError:
        return None


def test_the_signature_of_these_tests_is_the_real_one(shared_api):
    signer = Signer(signing_secret(shared_api.settings), "")
    assert signer.accepts("a/b.png", *signed("a/b.png", shared_api))


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_files_are_only_read(method, put, as_anonymous, shared_api):
    address = await put(data=b"there")

    response = await as_anonymous.request(method, address.removeprefix(shared_api.address))

    assert response.status_code == 405


class BrokenStorage:
    """Storage that is out of reach."""

    async def address(self, method, key, seconds):
        return None

    async def find(self, key):
        raise StorageError("The file could not be read.")


async def test_storage_that_is_out_of_reach_is_said_to_be(owner):
    signer = Signer(b"secret", "http://studio/files/")
    files = Files(BrokenStorage(), signer, children=None)
    app = Starlette(routes=[Route("/files/{key:path}", files.get)])
    address = await owner.fetchval("select studio.signed_address('boat.png', $1)", signer.parameters())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        response = await client.get(address)

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


DATA = bytes(range(200)) * 5


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=990-", 206, 990, 1000),
        ("bytes=990-2000", 206, 990, 1000),
        ("bytes=-10", 206, 990, 1000),
        ("bytes=-5000", 206, 0, 1000),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=1000-", 416, 0, 0),
        ("bytes=5000-6000", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=9-3", 200, 0, 1000),
        ("bytes=-", 200, 0, 1000),
        ("bytes=0-9,20-29", 200, 0, 1000),
        ("lines=0-9", 200, 0, 1000),
        ("bytes=a-b", 200, 0, 1000),
        ("bytes=\u0661-\u0662", 200, 0, 1000),
        (f"bytes={'9' * 30}-", 200, 0, 1000),
        ("", 200, 0, 1000),
    ],
)
async def test_a_part_of_a_file_can_be_asked_for(asked, status, start, end, put, get):
    response = await get(await put(data=DATA), range=asked)

    assert response.status_code == status
    assert response.content == (b"" if status == 416 else DATA[start:end])
    assert response.headers["accept-ranges"] == "bytes"
    told = {206: f"bytes {start}-{end - 1}/1000", 416: "bytes */1000"}.get(status)
    assert response.headers.get("content-range") == told
    assert response.headers["content-length"] == str(len(response.content))


@pytest.fixture
def get(shared_api):
    """Asks for an address with these headers; an underscore stands for a hyphen."""

    async def get(address, method="GET", **headers):
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
            return await client.request(method, address, headers=named)

    return get


async def test_a_file_that_the_client_has_is_not_sent_again(put, get):
    address = await put(data=DATA)
    tag = (await get(address)).headers["etag"]

    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        response = await get(address, if_none_match=known)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
        assert response.headers["cache-control"].startswith("private, max-age=")
    assert (await get(address, if_none_match='"other"')).status_code == 200
    assert not tag.startswith("W/")


@pytest.mark.parametrize(
    ("condition", "status"),
    [(None, 206), ('"other"', 200), ('W/"other"', 200), ("Mon, 01 Jan 2024 00:00:00 GMT", 200)],
)
async def test_a_part_is_only_of_the_file_that_the_client_has(condition, status, put, get):
    address = await put(data=DATA)
    tag = (await get(address)).headers["etag"]
    response = await get(address, range="bytes=0-9", if_range=condition or tag)
    assert response.status_code == status


async def test_a_head_tells_all_but_the_file(put, get):
    address = await put(data=DATA)
    whole, head = await get(address), await get(address, "HEAD")
    part = await get(address, "HEAD", range="bytes=0-9")

    assert head.content == part.content == b""
    same = ("content-type", "content-length", "etag", "accept-ranges", "x-content-type-options")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


@asynccontextmanager
async def served_from_s3():
    """A bucket, and a client of files that lie in it."""
    signer = Signer(b"secret", "http://studio/files/")
    async with bucket() as s3, Children(1) as children:
        files = Files(ObjectStorage(s3.store()), signer, children)
        app = Starlette(routes=[Route("/files/{key:path}", files.get)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as studio:
            yield s3, studio, signer


async def follow(response):
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
        return await client.request(response.request.method, response.headers["location"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_file_in_s3_is_had_there_by_an_address_of_short_life(method, owner):
    key = f"{uuid4()}/boat.png"
    async with served_from_s3() as (s3, studio, signer):
        s3.objects[key] = picture(), "image/png"
        address = await owner.fetchval("select studio.signed_address($1, $2)", key, signer.parameters())
        response = await studio.request(method, address)
        found = await follow(response)
        stolen = response.headers["location"].replace("boat.png", "other.png")
        async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
            assert (await client.request(method, stolen)).status_code == 403

    assert (response.status_code, found.status_code) == (307, 200)
    assert found.headers["content-type"] == "image/png"
    assert found.content == (picture() if method == "GET" else b"")
    assert "X-Amz-Expires=300" in response.headers["location"]
    assert response.headers["cache-control"] == "private, max-age=240"


async def test_a_thumbnail_of_a_file_in_s3_is_made_here_and_kept_there(owner):
    key = f"{uuid4()}/boat.png"
    async with served_from_s3() as (s3, studio, signer):
        s3.objects[key] = picture(), "image/png"
        address = await owner.fetchval(
            "select studio.signed_address($1, $2)", f"{key}.200.webp", signer.parameters()
        )
        found = await follow(await studio.get(address))
        absent = await studio.get(
            await owner.fetchval(
                "select studio.signed_address('nobody/boat.png.200.webp', $1)", signer.parameters()
            )
        )

    assert Image.open(BytesIO(found.content)).size == (200, 133)
    assert s3.objects[f"{key}.200.webp"] == (found.content, "image/webp")
    assert absent.status_code == 404
