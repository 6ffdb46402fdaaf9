"""Durable storage by obstore: a folder, S3, Google or Azure behind one seam."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store, from_url

from engine.seams import StorageError, StoredFile

__all__ = ["ObjectStorage", "open_storage"]

PIECE = 256 * 1024
"""Bytes in memory of a file that is streamed."""


class ObjectStorage:
    """Files in one bucket or folder, by key."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    async def write(self, key: str, data: bytes, content_type: str) -> None:
        """A file appears whole or not at all, also in a folder."""
        attributes = {} if isinstance(self.store, LocalStore) else {"Content-Type": content_type}
        try:
            await obstore.put_async(self.store, key, data, attributes=attributes)
            if isinstance(self.store, LocalStore) and self.store.prefix is not None:
                await asyncio.to_thread(_forget_half_written, self.store.prefix / key)
        except (BaseError, OSError, ValueError) as error:
            raise StorageError("The file could not be stored.") from error

    async def read(self, key: str) -> bytes | None:
        try:
            found = await obstore.get_async(self.store, key)
            return bytes(await found.bytes_async())
        except (FileNotFoundError, ValueError):  # the latter for a key that is no path, such as one with ..
            return None
        except (BaseError, OSError) as error:
            raise StorageError("The file could not be read.") from error

    async def find(self, key: str) -> StoredFile | None:
        try:
            meta = await obstore.head_async(self.store, key)
        except (FileNotFoundError, ValueError):
            return None
        except (BaseError, OSError) as error:
            raise StorageError("The file could not be read.") from error
        return StoredFile(size=meta["size"], tag=_quoted(meta["e_tag"]))

    async def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start == end:
            return
        try:
            found = await obstore.get_async(self.store, key, options={"range": (start, end)})
            async for piece in found.stream(min_chunk_size=PIECE):
                yield piece
        except (BaseError, OSError, ValueError) as error:
            raise StorageError("The file could not be read.") from error

    async def remove(self, keys: Collection[str]) -> None:
        try:
            await self._remove(keys)
        except (BaseError, OSError, ValueError) as error:
            raise StorageError("Files could not be removed.") from error

    async def address(self, method: str, key: str, seconds: float) -> str | None:
        """Presigned by S3, Google or Azure, where the credentials are such as can sign."""
        if not isinstance(self.store, S3Store | GCSStore | AzureStore):
            return None
        verb = cast('Literal["GET", "HEAD", "PUT"]', method)
        try:
            return await obstore.sign_async(self.store, verb, key, timedelta(seconds=seconds))
        except (BaseError, OSError, ValueError):
            return None

    async def _remove(self, keys: Collection[str]) -> None:
        try:
            await obstore.delete_async(self.store, list(keys))
        except FileNotFoundError:  # where that is an error, the first one that is absent ends the call
            for key in keys:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self.store, key)


def _quoted(tag: str | None) -> str | None:
    """S3 quotes its tags, a folder's has none; what is only weak is of no use."""
    if tag is None or tag.startswith("W/"):
        return None
    return tag if tag.startswith('"') else f'"{tag}"'


def _forget_half_written(path: Path) -> None:
    """What a process that was killed had begun to write: it lies beside the file, with `#` and a number."""
    for number in count(1):
        half = path.with_name(f"{path.name}#{number}")
        if not half.exists():
            return
        half.unlink(missing_ok=True)


def open_storage(url: str) -> ObjectStorage:
    """file:///folder, s3://bucket/prefix, gs://, az:// with the usual credentials."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return ObjectStorage(LocalStore(folder, automatic_cleanup=True))
    return ObjectStorage(from_url(url))
