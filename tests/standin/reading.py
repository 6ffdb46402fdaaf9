"""All calls that create no run."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.standin.herald import SECRET
from tests.standin.lines import Half, drop
from tests.standin.state import StandIn
from tests.standin.trouble import befall, problem, refuse, throttle
from tests.standin.wares import model, picture, uploaded, version_of

__all__ = ["Reading"]

FAULTS = ("read_throttled", "read_error", "read_garbage", "read_lost", "read_hung")
Handler = Callable[[Request], Awaitable[Response]]


class Reading:
    """Handlers; `of` puts around one what every call of the API may meet."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin

    def of(self, handler: Handler) -> Handler:
        async def read(request: Request) -> Response:
            standin, behaviour = self.standin, self.standin.behaviour
            standin.requests.append(request)
            standin.counts["reads"] += 1
            if refusal := await refuse(standin, request):
                return refusal
            if wait := standin.reads.wait(standin.now, behaviour.reads, behaviour.window):
                return throttle(standin, wait)
            return await befall(standin.dice.one_of(FAULTS), standin, request, await handler(request))

        return read

    async def list(self, request: Request) -> Response:
        """Newest first; a cursor is the id of the last run shown."""
        standin, asked, size = self.standin, request.query_params, self.standin.behaviour.page
        standin.counts["lists"] += 1
        if standin.dice.falls("list_unreadable"):
            return problem(500, "Internal server error")
        since = datetime.fromisoformat(asked["created_after"]).timestamp() if "created_after" in asked else 0
        visible = standin.now - standin.behaviour.list_lag
        runs = [run for run in standin.ledger.since(since) if run.created <= visible]
        if "cursor" in asked:
            runs = runs[[run.id for run in runs].index(asked["cursor"]) + 1 :]
        page = runs[:size]
        more = str(request.url.include_query_params(cursor=page[-1].id)) if len(runs) > size else None
        return JSONResponse({"previous": None, "next": more, "results": [standin.shown(run) for run in page]})

    async def get(self, request: Request) -> Response:
        run = self.standin.ledger.runs.get(request.path_params["id"])
        return JSONResponse(self.standin.shown(run)) if run else problem(404, "Prediction not found")

    async def cancel(self, request: Request) -> Response:
        run = self.standin.ledger.runs.get(request.path_params["id"])
        if run is None:
            return problem(404, "Prediction not found")
        if self.standin.now < run.ended:
            run.canceled = self.standin.now
            run.changed.set()
        return JSONResponse(self.standin.shown(run))

    async def model(self, request: Request) -> Response:
        name = "{owner}/{name}".format(**request.path_params)
        if name.startswith("nobody/"):
            return problem(404, "The requested resource could not be found.")
        self.standin.versions[version_of(name)] = name
        return JSONResponse(model(name))

    async def version(self, request: Request) -> Response:
        name = "{owner}/{name}".format(**request.path_params)
        if version_of(name) != request.path_params["version"]:
            return problem(404, "Version not found")
        self.standin.versions[version_of(name)] = name
        return JSONResponse(model(name)["latest_version"])

    async def upload(self, request: Request) -> Response:
        found = uploaded(request.headers["content-type"], await request.body())
        if found is None:
            return problem(400, "Missing content")
        id = self.standin.dice.id()
        self.standin.files[id] = found
        self.standin.counts["uploads"] += 1
        address = f"{str(request.base_url).rstrip('/')}/v1/files/{id}"
        shown = {"id": id, "content_type": found[0], "size": len(found[1]), "urls": {"get": address}}
        return JSONResponse(shown, 201)

    async def file(self, request: Request) -> Response:
        found = self.standin.files.get(request.path_params["id"])
        return Response(found[1], media_type=found[0]) if found else problem(404, "File not found")

    async def secret(self, _: Request) -> Response:
        return JSONResponse({"key": SECRET})

    async def output(self, request: Request) -> Response:
        """A file; it is public to whoever knows its address."""
        standin, run = self.standin, self.standin.ledger.runs.get(request.path_params["id"])
        standin.requests.append(request)
        if standin.behaviour.down:
            return await drop(request)
        if run is None or "output_gone" in run.fates or standin.now > run.ended + run.keep_seconds:
            return problem(404, "Not found")
        return _file(run.fates, picture(f"{run.work} {request.path_params['number']}"))


def _file(fates: frozenset[str], data: bytes) -> Response:
    if "output_html" in fates:
        return Response("<!doctype html><title>Just a moment...</title>", media_type="text/html")
    if "output_cut" in fates:
        return Half(data, media_type="image/png")
    if "output_half" in fates:
        data = data[: len(data) // 2]
    return Response(b"" if "output_empty" in fates else data, media_type="image/png")
