"""Durable storage by obstore: a folder, S3, Google or Azure behind one seam."""

import asyncio
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from engine.seams import StorageError

__all__ = ["ObjectStorage", "open_storage"]


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
        return ObjectStorage(LocalStore(folder))
    return ObjectStorage(from_url(url))
