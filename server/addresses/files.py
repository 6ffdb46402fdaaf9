"""GET /files/...: stored pictures behind signed addresses; a thumbnail is made on its first request."""

from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

from engine.seams import Storage, StorageError
from server.identity.signing import Signer
from worker.children import Children
from worker.thumbnails import make_thumbnail, split_thumbnail

__all__ = ["Files"]

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
OTHER = "application/octet-stream"
HEADERS = {
    # A key never changes its content, and its address is a secret of its owner.
    "cache-control": "private, max-age=3600, immutable",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "cross-origin-resource-policy": "cross-origin",
}
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
            return _absent()
        try:
            data = await self._read(key)
        except StorageError:
            return Response(status_code=503, headers={"retry-after": "5"})
        if data is None:
            return _absent()
        kind = CONTENT_TYPES.get(PurePosixPath(key).suffix, OTHER)
        return Response(data, media_type=kind, headers=HEADERS)

    async def _read(self, key: str) -> bytes | None:
        data = await self.storage.read(key)
        thumbnail = split_thumbnail(key)
        if data is not None or thumbnail is None:
            return data
        return await make_thumbnail(self.storage, self.children, *thumbnail, turn=THUMBNAIL_TURN)


def _absent() -> Response:
    return Response("There is no such file, or its address has expired.\n", status_code=404)
