"""A stand-in for S3: a bucket in memory, strict about what a presigned address allows (SigV4 in a query)."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree

import uvicorn
from obstore.store import S3Store
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Bucket", "bucket"]

SECRET = "secret-of-the-stand-in"
REGION = "us-east-1"
RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Its objects by key, each with its type; what was asked is recorded."""

    url: str = ""
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def store(self) -> S3Store:
        return S3Store(
            "pictures",
            endpoint=self.url,
            region=REGION,
            access_key_id="key",
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    async def answer(self, request: Request) -> Response:
        key = request.path_params["key"]
        self.asked.append((request.method, key))
        if "X-Amz-Signature" in request.query_params and not _is_presigned(request):
            return Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403)
        match request.method:
            case "PUT":
                data = await request.body()
                self.objects[key] = data, request.headers.get("content-type", "")
                return Response(headers={"etag": _tag(data)})
            case "DELETE":
                self.objects.pop(key, None)
                return Response(status_code=204)
            case _:
                return self._read(request, key)

    async def answer_bucket(self, request: Request) -> Response:
        """Of what is asked of a bucket, several deletions at once are all that is needed."""
        told = ""
        for each in ElementTree.fromstring(await request.body()).iter():  # noqa: S314
            if each.tag.endswith("Key"):
                self.objects.pop(each.text or "", None)
                told += f"<Deleted><Key>{each.text}</Key></Deleted>"
        return Response(f"<DeleteResult>{told}</DeleteResult>", media_type="application/xml")

    def _read(self, request: Request, key: str) -> Response:
        if key not in self.objects:
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404)
        data, kind = self.objects[key]
        headers = {"etag": _tag(data), "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        status = 200
        if asked := RANGE.fullmatch(request.headers.get("range", "")):
            status, start, end = 206, int(asked[1]), min(int(asked[2]) + 1, len(data))
            headers["content-range"] = f"bytes {start}-{end - 1}/{len(data)}"
            data = data[start:end]
        headers["content-length"] = str(len(data))
        body = b"" if request.method == "HEAD" else data
        return Response(body, status, headers=headers, media_type=kind or None)


@asynccontextmanager
async def bucket() -> AsyncIterator[Bucket]:
    """An empty one, until the end of the block."""
    made = Bucket()
    routes = [
        Route("/pictures", made.answer_bucket, methods=["POST"]),
        Route("/pictures/{key:path}", made.answer, methods=["GET", "HEAD", "PUT", "DELETE"]),
    ]
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _is_presigned(request: Request) -> bool:
    """For this method and key, and not too long ago (AWS: "Authenticating Requests: Query Parameters")."""
    query = dict(parse_qsl(request.url.query, keep_blank_values=True))
    signature = query.pop("X-Amz-Signature")
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if datetime.now(UTC) > signed_at + timedelta(seconds=int(query["X-Amz-Expires"])):
        return False
    canonical = "\n".join(
        [
            request.method,
            quote(request.url.path, safe="/"),
            "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query)),
            f"host:{request.headers['host']}\n",
            query["X-Amz-SignedHeaders"],
            "UNSIGNED-PAYLOAD",
        ]
    )
    _, _, scope = query["X-Amz-Credential"].partition("/")
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{hashed}"
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), signature)
