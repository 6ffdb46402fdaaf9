"""The pages for browsers: Batch Studio at /, GraphiQL at /graphiql, and the files that both are made of.

They are built into web/dist (hatch_build.py) and found once, at the start: no address reaches any other file.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

__all__ = ["DIST", "STUDIO_ADDRESSES", "Web"]

DIST = Path(__file__).parents[2] / "web/dist"
STUDIO_ADDRESSES = (
    "/",
    "/batches/{id}",
    "/history",
    "/images/{id}",
    "/collections",
    "/collections/{id}",
)
"""Those of the Studio's own pages, as web/src/studio/pages.tsx has them."""
STUDIO, GRAPHIQL = "index.html", "graphiql.html"
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
OTHER = "application/octet-stream"
ASKED_AGAIN = "no-cache"
KEPT = "public, max-age=31536000, immutable"
"""The name of an asset changes with its content."""
NOT_BUILT = """\
Batch Studio runs, and its GraphQL API is at /graphql. Its pages for browsers have not been built:

    uv sync --reinstall-package batch-studio

builds them, and the service shows them from its next start on.
"""
REST = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Web:
    """The pages of one folder; images come from, and uploads go to, addresses as those given as elsewhere.

    The service's own is one of them: its page may be open under another name of this machine.
    """

    def __init__(self, folder: Path, *, elsewhere: Iterable[str] = ()) -> None:
        self.files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
        self.sources = " ".join(["'self'", *sorted(map(_origin, elsewhere))])

    def routes(self) -> Iterator[BaseRoute]:
        for address in STUDIO_ADDRESSES:
            yield Route(address, self._studio)
        yield Route("/graphiql", self._graphiql)
        yield Route("/assets/{name}", self._asset)

    async def _studio(self, request: Request) -> Response:
        if STUDIO not in self.files:
            return PlainTextResponse(NOT_BUILT)
        policy = f"{REST}; style-src 'self'; img-src {self.sources} data: blob:; connect-src {self.sources}"
        return self._page(request, STUDIO, policy)

    async def _graphiql(self, request: Request) -> Response:
        """Its editor writes its styles into the page, has its fonts in them, and works in workers."""
        if GRAPHIQL not in self.files:
            return PlainTextResponse(NOT_BUILT, 404)
        policy = (
            f"{REST}; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src {self.sources} data:; "
            "connect-src 'self'; worker-src 'self'"
        )
        return self._page(request, GRAPHIQL, policy)

    def _page(self, request: Request, name: str, policy: str) -> Response:
        headers = {"cache-control": ASKED_AGAIN, "content-security-policy": policy}
        return self._file(request, name, headers)

    async def _asset(self, request: Request) -> Response:
        name = f"assets/{request.path_params['name']}"
        if name not in self.files:
            return PlainTextResponse("Not Found", 404)
        return self._file(request, name, {"cache-control": KEPT})

    def _file(self, request: Request, name: str, headers: Mapping[str, str]) -> Response:
        """Compressed where there is such a copy and the client takes it."""
        path = self.files[name]
        packed = self.files.get(f"{name}.gz")
        encoding = {}
        if packed and _takes_gzip(request.headers):
            path, encoding = packed, {"content-encoding": "gzip"}
        kind = CONTENT_TYPES.get(Path(name).suffix, OTHER)
        varying = {"vary": "accept-encoding"} if packed else {}
        return FileResponse(path, media_type=kind, headers={**headers, **encoding, **varying})


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _takes_gzip(headers: Headers) -> bool:
    """Whether it is named, and not with a weight of zero."""
    for part in headers.get("accept-encoding", "").split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.strip().lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
