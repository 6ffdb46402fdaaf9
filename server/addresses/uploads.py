"""PUT /files/...: a reference image, to the signed address that createReferenceUpload gave.

The body waits in a temporary file: however many are sent at once, only those being looked at are in memory.
"""

import asyncio
import tempfile
from typing import IO

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.session import DATABASE_AWAY, Database
from engine.seams import StorageError, UploadRefusedError
from engine.uploads import Upload
from server.addresses.files import absent, out_of_reach
from server.identity.upload_signing import UploadSigner
from worker.uploads import ReceivedUploads

__all__ = ["UploadEndpoint"]

SECONDS = 120.0
"""For the whole body."""
LOOKED_AT_ONCE = 2


class UploadEndpoint:
    """The endpoint, with what it needs."""

    def __init__(self, database: Database, signer: UploadSigner, uploads: ReceivedUploads) -> None:
        self.database = database
        self.signer = signer
        self.uploads = uploads
        self.places = asyncio.Semaphore(LOOKED_AT_ONCE)

    async def put(self, request: Request) -> Response:
        """201 once it can be used, 404 for a bad signature, 422 with a reason for what is no such picture."""
        upload = self.signer.accepted(request.path_params["key"], request.query_params)
        if upload is None:
            return absent()
        try:
            return await self._put(request, upload)
        except UploadRefusedError as error:
            return _text(422, str(error))
        except (StorageError, *DATABASE_AWAY):
            return out_of_reach()

    async def _put(self, request: Request, upload: Upload) -> Response:
        _refuse_other(request, upload)
        async with self.database.worker_session() as session:
            expected = await session.row("upload_by_key", upload.key)
        if expected is None:
            return absent()
        if expected["kept_at"] is not None:
            return _text(409, "It is there already.")
        with tempfile.TemporaryFile() as body:
            await _receive(request, body, upload.byte_size)
            async with self.places:
                await self.uploads.keep(upload, await asyncio.to_thread(body.read))
        async with self.database.worker_session() as session:
            await session.rows("keep_upload", expected["id"])
        return Response(status_code=201)


def _refuse_other(request: Request, upload: Upload) -> None:
    """Before the body is read: what it is said to be is what was announced. Raises HTTPException."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != upload.content_type:
        raise HTTPException(415, f"The Content-Type must be {upload.content_type}.")
    length = request.headers.get("content-length")
    if length is not None and length != str(upload.byte_size):
        raise HTTPException(413, f"It must have the {upload.byte_size:,} bytes announced.")


async def _receive(request: Request, body: IO[bytes], size: int) -> None:
    """Exactly so many bytes, from the start again. Raises HTTPException."""
    received = 0
    try:
        async with asyncio.timeout(SECONDS):
            async for piece in request.stream():
                received += len(piece)
                if received > size:
                    raise HTTPException(413, f"It must have the {size:,} bytes announced.")
                body.write(piece)
    except TimeoutError:
        raise HTTPException(408, "It took too long.") from None
    if received != size:
        raise HTTPException(400, f"It must have the {size:,} bytes announced.")
    body.seek(0)


def _text(status: int, problem: str) -> Response:
    return Response(f"{problem}\n", status_code=status, media_type="text/plain")
