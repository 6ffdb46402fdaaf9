"""Signed addresses of uploads, with a key of their own: what may be read may not be written."""

import hmac
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from engine.uploads import Upload
from server.identity.signing import digest

__all__ = ["UploadSigner"]


class UploadSigner:
    """base is as with Signer; an address is good for one key, one type and one size."""

    def __init__(self, secret: bytes, base: str, clock: Callable[[], float] = time.time) -> None:
        self.key = hmac.digest(secret, b"batch-studio uploads", "sha256")
        self.base = base
        self.clock = clock

    def address(self, upload: Upload, until: datetime) -> str:
        """Where the upload may be PUT until then, to the second."""
        promise = {
            "expires": str(int(until.timestamp())),
            "size": str(upload.byte_size),
            "type": upload.content_type,
        }
        query = promise | {"signature": self._signature(upload.key, promise)}
        return f"{self.base}{upload.key}?{urlencode(query)}"

    def accepted(self, key: str, query: Mapping[str, str]) -> Upload | None:
        """What may be put under this key now; None where we have not signed that."""
        promise = {name: query.get(name, "") for name in ("expires", "size", "type")}
        expected = self._signature(key, promise)
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            return None
        if self.clock() >= int(promise["expires"]):
            return None
        return Upload(key=key, content_type=promise["type"], byte_size=int(promise["size"]))

    def _signature(self, key: str, promise: Mapping[str, str]) -> str:
        return digest(self.key, "\n".join((*promise.values(), key)))
