"""Files in a folder, whole or not at all and nothing beside them; and in a bucket, in the same way."""

from contextlib import suppress

import httpx
import pytest

from engine.seams import StorageError
from tests.standin.s3 import bucket
from worker.storage import ObjectStorage, open_storage

KEY = "user/generation/0.png"


async def test_what_a_killed_writer_left_beside_a_file_goes_with_the_next_write(tmp_path):
    storage = open_storage(tmp_path.as_uri())
    half = tmp_path / f"{KEY}#1"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"ha")
    await storage.write(KEY, b"half", "image/png")
    assert await storage.read(KEY) == b"half"
    assert list(half.parent.iterdir()) == [tmp_path / KEY]


@pytest.mark.parametrize(
    "key",
    [
        "../out.png",
        "a/../../out.png",
        "..",
        ".",
        "a/./b.png",
        "a//b.png",
        "/a.png",
        "a\0b.png",
        "a\ud800.png",
    ],
)
async def test_a_key_that_is_no_path_names_no_file_and_makes_none(key, tmp_path):
    (tmp_path / "out.png").write_bytes(b"outside")
    storage = open_storage((tmp_path / "files").as_uri())

    assert await storage.read(key) is None
    with suppress(StorageError):
        await storage.write(key, b"inside", "image/png")
    assert (tmp_path / "out.png").read_bytes() == b"outside"
    assert {each.name for each in tmp_path.iterdir()} == {"files", "out.png"}


@pytest.fixture(params=["a folder", "S3"])
async def storage(request, tmp_path):
    """Either kind, empty."""
    if request.param == "a folder":
        yield open_storage((tmp_path / "files").as_uri())
        return
    async with bucket() as s3:
        yield ObjectStorage(s3.store())


async def test_a_part_of_a_file_is_streamed_without_the_rest(storage):
    await storage.write(KEY, bytes(range(256)) * 4_000, "image/png")
    found = await storage.find(KEY)
    assert found.size == 1_024_000
    assert found.tag.startswith('"')
    part = b"".join([piece async for piece in storage.stream(KEY, 300, 600_000)])
    assert part == (bytes(range(256)) * 4_000)[300:600_000]


async def test_what_is_absent_is_not_found_and_need_not_be_removed(storage):
    assert await storage.find(KEY) is None
    await storage.write("user/a.png", b"a", "image/png")
    await storage.remove(["user/absent.png", "user/a.png", "user/absent/too.png"])
    assert await storage.find("user/a.png") is None


async def test_an_empty_folder_goes_with_its_last_file(tmp_path):
    storage = open_storage(tmp_path.as_uri())
    await storage.write(KEY, b"a", "image/png")
    await storage.remove([KEY])
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_has_no_addresses_of_its_own(tmp_path):
    assert await open_storage(tmp_path.as_uri()).address("GET", KEY, 60) is None


@pytest.mark.parametrize(
    ("method", "key", "status"), [("GET", KEY, 200), ("HEAD", KEY, 403), ("GET", "a.png", 403)]
)
async def test_a_presigned_address_is_good_for_one_method_and_one_key(method, key, status):
    async with bucket() as s3, httpx.AsyncClient(verify=False) as client:  # noqa: S501 - no TLS here
        storage = ObjectStorage(s3.store())
        await storage.write(KEY, b"a", "image/png")
        address = await storage.address("GET", KEY, 60)
        assert (await client.request(method, address.replace(KEY, key))).status_code == status
