"""GET /files/...: stored pictures behind signed addresses; a thumbnail is made on its first request."""

from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.seams import Storage, StorageError, StoredFile
from server.addresses.ranges import NOT_MODIFIED, OK, PARTIAL, UNSATISFIABLE, Part, part_of
from server.identity.signing import Signer
from worker.children import Children
from worker.thumbnails import make_thumbnail, split_thumbnail

__all__ = ["HEADERS", "Files", "absent", "out_of_reach"]

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
OTHER = "application/octet-stream"
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "cross-origin-resource-policy": "cross-origin",
}
# A key never changes its content, and its address is a secret of its owner.
KEPT = "private, max-age=3600, immutable"
ELSEWHERE_SECONDS = 300
"""How long a presigned address is good; browsers follow the same one for a minute less."""
THUMBNAIL_TURN = 0
"""Somebody waits for it."""


class Files:
    """The endpoint, with what it needs."""

    def __init__(self, storage: Storage, signer: Signer, children: Children) -> None:
        self.storage = storage
        self.signer = signer
        self.children = children

    async def get(self, request: Request) -> Response:
        """404 for a bad signature as for an absent file: nobody learns what there is."""
        key = request.path_params["key"]
        query = request.query_params
        if not self.signer.accepts(key, query.get("expires", ""), query.get("signature", "")):
            return absent()
        try:
            return await self._answer(request, key)
        except StorageError:
            return out_of_reach()

    async def _answer(self, request: Request, key: str) -> Response:
        thumbnail = split_thumbnail(key)
        if thumbnail is None and (address := await self._elsewhere(request, key)):
            return _redirect(address)
        file = await self.storage.find(key)
        if file is None and thumbnail is not None:
            await make_thumbnail(self.storage, self.children, *thumbnail, turn=THUMBNAIL_TURN)
            file = await self.storage.find(key)
        if file is None:
            return absent()
        if address := await self._elsewhere(request, key):
            return _redirect(address)
        return self._served(request, key, file)

    async def _elsewhere(self, request: Request, key: str) -> str | None:
        """Where the storage itself serves the file."""
        return await self.storage.address(request.method, key, ELSEWHERE_SECONDS)

    def _served(self, request: Request, key: str, file: StoredFile) -> Response:
        part = part_of(file, request.headers)
        headers = {**HEADERS, "cache-control": KEPT, **_headers(file, part)}
        if request.method == "HEAD" or part.status in (NOT_MODIFIED, UNSATISFIABLE):
            return Response(status_code=part.status, headers=headers, media_type=_media_type(key, part))
        pieces = self.storage.stream(key, part.start, part.end)
        return StreamingResponse(pieces, part.status, headers, _media_type(key, part))


def absent() -> Response:
    """For whatever is not there, and for whoever has no right to it."""
    return Response("There is no such file, or its address has expired.\n", status_code=404)


def out_of_reach() -> Response:
    """The storage does not answer."""
    return Response(status_code=503, headers={"retry-after": "5"})


def _redirect(address: str) -> Response:
    age = f"private, max-age={ELSEWHERE_SECONDS - 60}"
    return Response(status_code=307, headers={**HEADERS, "cache-control": age, "location": address})


def _headers(file: StoredFile, part: Part) -> dict[str, str]:
    headers = {"accept-ranges": "bytes"}
    if file.tag:
        headers["etag"] = file.tag
    if part.status in (OK, PARTIAL):
        headers["content-length"] = str(part.end - part.start)
    if part.status == PARTIAL:
        headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{file.size}"
    if part.status == UNSATISFIABLE:
        headers["content-range"] = f"bytes */{file.size}"
    return headers


def _media_type(key: str, part: Part) -> str | None:
    """Of what is in the answer: by the suffix, which decoding the picture gave it."""
    return CONTENT_TYPES.get(PurePosixPath(key).suffix, OTHER) if part.status in (OK, PARTIAL) else None
