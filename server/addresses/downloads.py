"""GET /files/{owner}/batches/{batch}.zip: everything saved so far of a batch, with a manifest.

The zip is made while it is sent: one image at a time is in memory. An address that was signed stands for its
owner, under whose own role the batch is read.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from stat import S_IFREG
from typing import IO, Any, cast
from urllib.parse import quote
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from stream_zip import NO_COMPRESSION_64, ZIP_64, Method, async_stream_zip

from db.session import DATABASE_AWAY, Database, Record
from engine.seams import Storage
from engine.viewer import Viewer
from server.addresses.archive import batch_data, file_name, manifest_line, reference_name
from server.addresses.files import HEADERS, absent, out_of_reach
from server.identity.signing import Signer

__all__ = ["Downloads"]

PAGE = 100
PIECE = 256 * 1024
MODE = S_IFREG | 0o644
AT_WORK = 3
"""Zips that are worked at in the same moment: each takes one of asyncio's few threads for a piece."""
BEGINNING = (-1, datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))

Member = tuple[str, datetime, int, Method, AsyncIterator[bytes]]


class Downloads:
    """The endpoint, with what it needs."""

    def __init__(self, database: Database, storage: Storage, signer: Signer) -> None:
        self.database = database
        self.storage = storage
        self.signer = signer
        self.places = asyncio.Semaphore(AT_WORK)

    async def get(self, request: Request) -> Response:
        """404 for a bad signature as for an absent batch, or one in the trash."""
        owner, batch_id = request.path_params["owner"], request.path_params["batch"]
        query = request.query_params
        key = f"{owner}/batches/{batch_id}.zip"
        if not self.signer.accepts(key, query.get("expires", ""), query.get("signature", "")):
            return absent()
        viewer = Viewer(user_id=owner, role="authenticated")
        try:
            async with self.database.session(viewer) as session:
                batch = await session.row("batch_for_download", batch_id)
        except DATABASE_AWAY:
            return out_of_reach()
        if batch is None:
            return absent()
        headers = _headers(batch)
        if request.method == "HEAD":
            return Response(headers=headers, media_type="application/zip")
        zip_ = _Zip(database=self.database, storage=self.storage, viewer=viewer, batch=batch)
        return _Streamed(self._paced(zip_), headers=headers, media_type="application/zip")

    async def _paced(self, zip_: "_Zip") -> AsyncGenerator[bytes, None]:
        with tempfile.TemporaryFile() as manifest:
            pieces = aiter(async_stream_zip(zip_.members(manifest), chunk_size=PIECE))
            while True:
                async with self.places:
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece


class _Streamed(StreamingResponse):
    """Closes what it sends when it is broken off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes, None]", self.body_iterator)):
            await super().__call__(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zip:
    """One zip: its members in order."""

    database: Database
    storage: Storage
    viewer: Viewer
    batch: Record

    async def members(self, manifest: IO[bytes]) -> AsyncIterator[Member]:
        """The manifest last: it has what the zip has, whatever was deleted while it was made."""
        yield self._member("batch.json", batch_data(self.batch))
        if (reference := await self._reference()) is not None:
            yield self._member(*reference)
        async for image in self._images():
            if (data := await self.storage.read(image["url"])) is None:
                continue
            name = file_name(image, self.batch["total"])
            manifest.write(manifest_line(image, name))
            yield name, image["created_at"], MODE, NO_COMPRESSION_64, _once(data)
        manifest.seek(0)
        yield "manifest.jsonl", datetime.now(UTC), MODE, ZIP_64, _pieces(manifest)

    async def _reference(self) -> tuple[str, bytes] | None:
        """The copy that is kept of it."""
        name = reference_name(self.batch)
        data = await self.storage.read(self.batch["reference"]) if name else None
        return (name, data) if name and data is not None else None

    async def _images(self) -> AsyncIterator[Record]:
        """By pages, each in a short session of its own."""
        after: tuple[Any, ...] = BEGINNING
        while True:
            async with self.database.session(self.viewer) as session:
                rows = await session.rows("images_for_download", self.batch["id"], *after, PAGE)
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            after = (rows[-1]["position"], rows[-1]["created_at"], rows[-1]["id"])

    def _member(self, name: str, data: bytes) -> Member:
        return name, self.batch["created_at"], MODE, NO_COMPRESSION_64, _once(data)


def _headers(batch: Record) -> dict[str, str]:
    """More images may land: it is not kept."""
    name = quote(f"{batch['title']}.zip", safe="")
    return {
        **HEADERS,
        "cache-control": "private, no-store",
        "content-disposition": f"attachment; filename=\"batch.zip\"; filename*=UTF-8''{name}",
    }


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
