"""Files in a folder: whole or not at all, and nothing beside them."""

from contextlib import suppress

import pytest

from engine.seams import StorageError
from worker.storage import open_storage

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
