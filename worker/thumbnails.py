"""Smaller copies: made beforehand by a job of low priority, or on their first request, and kept."""

from engine.seams import Storage
from worker.children import ChildFailed, Children
from worker.pictures import PictureRefused, shrink

__all__ = [
    "CONTENT_TYPE",
    "USUAL_WIDTH",
    "WIDTHS",
    "make_thumbnail",
    "split_thumbnail",
    "thumbnail_key",
]

WIDTHS = (200, 400, 800)
USUAL_WIDTH = 400
CONTENT_TYPE = "image/webp"


def thumbnail_key(key: str, width: int) -> str:
    """Where the copy of a stored picture lies: beside it, its name after the picture's."""
    return f"{key}.{width}.webp"


def split_thumbnail(key: str) -> tuple[str, int] | None:
    """The picture and the width of a thumbnail's key; None for any other key."""
    for width in WIDTHS:
        suffix = f".{width}.webp"
        if key.endswith(suffix):
            return key.removesuffix(suffix), width
    return None


async def make_thumbnail(
    storage: Storage, children: Children, key: str, width: int, *, turn: int
) -> bytes | None:
    """The copy, made and kept; None where there is no picture, or none that can be made smaller."""
    picture = await storage.read(key)
    if picture is None:
        return None
    try:
        copy = await children.run(shrink, picture, width, turn=turn)
    except (PictureRefused, ChildFailed):
        return None
    await storage.write(thumbnail_key(key, width), copy, CONTENT_TYPE)
    return copy
