"""A stand-in for Replicate: a real HTTP server that counts itself and misbehaves as it is told.

    uv run python tests/standin/replicate.py --port 8900 --seconds 2 --lost 0.1 --webhook-lost 0.2

Everything of Behaviour is an option here, a field of PUT /control (`{"lost": 0.5}`; with
`"reset": true` everything else is forgotten), and a keyword of `standin()`. GET /stats says how
often what was created. A run whose input has `fail` fails with that text; one with `seconds` takes
so long.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, fields
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standin.behaviour import Behaviour
from tests.standin.creating import Creating
from tests.standin.lines import Lines
from tests.standin.reading import Reading
from tests.standin.state import StandIn

__all__ = ["StandIn", "main", "standin"]

LOOK = 0.005


@asynccontextmanager
async def standin(*, seed: int = 0, port: int = 0, **behaviour: Any) -> AsyncIterator[StandIn]:
    """A stand-in of one's own, in this loop; port 0 is any that is free."""
    replicate = StandIn(seed, **behaviour)
    server = _Server(_config(replicate, port))
    async with replicate.herald:
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(LOOK)
        replicate.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield replicate
        finally:
            server.should_exit = True
            await serving


def application(replicate: StandIn) -> Lines:
    creating, reading = Creating(replicate), Reading(replicate)
    routes = [
        Route("/v1/predictions", creating.by_version, methods=["POST"]),
        Route("/v1/models/{owner}/{name}/predictions", creating.by_model, methods=["POST"]),
        Route("/v1/predictions", reading.of(reading.list)),
        Route("/v1/predictions/{id}", reading.of(reading.get)),
        Route("/v1/predictions/{id}/cancel", reading.of(reading.cancel), methods=["POST"]),
        Route("/v1/models/{owner}/{name}", reading.of(reading.model)),
        Route("/v1/models/{owner}/{name}/versions/{version}", reading.of(reading.version)),
        Route("/v1/files", reading.of(reading.upload), methods=["POST"]),
        Route("/v1/files/{id}", reading.of(reading.file)),
        Route("/v1/webhooks/default/secret", reading.of(reading.secret)),
        Route("/outputs/{id}/{number:int}.png", reading.output),
        Route("/stats", _stats(replicate)),
        Route("/control", _control(replicate), methods=["PUT"]),
    ]
    return Lines(Starlette(routes=routes), lambda: replicate.now)


def _stats(replicate: StandIn) -> Any:
    async def stats(_: Request) -> Response:
        return JSONResponse(replicate.stats)

    return stats


def _control(replicate: StandIn) -> Any:
    async def control(request: Request) -> Response:
        wanted = await request.json()
        if wanted.pop("reset", False):
            replicate.reset(wanted.pop("seed", 0))
        try:
            replicate.behaviour.change(wanted)
        except KeyError as error:
            return JSONResponse({"unknown": error.args[0]}, 400)
        return JSONResponse(asdict(replicate.behaviour))

    return control


def _config(replicate: StandIn, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        application(replicate),
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> None:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for Replicate.")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--seed", type=int, default=0)
    for field in fields(Behaviour):
        option = f"--{field.name.replace('_', '-')}"
        if field.type is bool:
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=field.type, default=field.default)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(vars(parser.parse_args())))


async def _serve(options: dict[str, Any]) -> None:
    async with standin(**options) as replicate:
        print(f"stand-in at {replicate.url}", flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
