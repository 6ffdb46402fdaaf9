"""Files in a folder: whole or not at all, and nothing beside them."""

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
