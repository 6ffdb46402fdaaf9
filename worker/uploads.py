"""Where reference images come in: each is checked by decoding it before anything may use it."""

from collections.abc import Callable
from datetime import UTC, datetime

from engine.seams import Storage, StorageError, UploadRefusedError
from engine.uploads import Upload
from worker.children import ChildFailed, Children
from worker.pictures import Picture, PictureRefused, inspect

__all__ = ["ReceivedUploads", "checked_picture"]

TURN = 0
"""Somebody waits for it."""


class ReceivedUploads:
    """sign makes an address at this server, for where the storage has none of its own."""

    def __init__(self, storage: Storage, children: Children, sign: Callable[[Upload, datetime], str]) -> None:
        self.storage = storage
        self.children = children
        self.sign = sign

    async def address(self, upload: Upload, until: datetime) -> str:
        """A presigned one binds neither type nor size, and may be used again: it is for a draft."""
        seconds = (until - datetime.now(UTC)).total_seconds()
        presigned = await self.storage.address("PUT", upload.staging_key, seconds)
        return presigned or self.sign(upload, until)

    async def collect(self, upload: Upload) -> bool:
        """What is kept is a copy: the presigned address leads to the draft alone."""
        draft = await self.storage.find(upload.staging_key)
        if draft is None:
            return False
        if draft.size != upload.byte_size:
            raise UploadRefusedError(f"It has {draft.size:,} bytes, not the {upload.byte_size:,} announced.")
        data = await self._draft(upload, draft.size)
        await self.keep(upload, data)
        await self.storage.remove([upload.staging_key])
        return True

    async def _draft(self, upload: Upload, size: int) -> bytes:
        """No more of it than was found: its address may be used again meanwhile, for a file of any size."""
        data = b"".join([part async for part in self.storage.stream(upload.staging_key, 0, size)])
        if len(data) != size:
            raise StorageError("The file could not be read.")
        return data

    async def keep(self, upload: Upload, data: bytes) -> None:
        """Puts it where it can be used. Raises UploadRefusedError and StorageError."""
        picture = await checked_picture(self.children, data, turn=TURN)
        if picture.content_type != upload.content_type:
            raise UploadRefusedError(
                f"It is a picture of type {picture.content_type}, not the {upload.content_type} announced."
            )
        await self.storage.write(upload.key, data, picture.content_type)


async def checked_picture(children: Children, data: bytes, *, turn: int) -> Picture:
    """What decoding these bytes in a child process told. Raises UploadRefusedError."""
    try:
        return await children.run(inspect, data, turn=turn)
    except PictureRefused as error:
        problem = {
            "too large": "It has too many pixels.",
            "unreadable": "It is no PNG, JPEG or WebP picture.",
        }
        raise UploadRefusedError(problem[error.reason]) from error
    except ChildFailed as error:
        raise UploadRefusedError("It could not be decoded.") from error
