"""Runs an application as the service runs its own: with its settings, identity, middleware and server."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from db.session import Database, open_database
from engine.seams import NoTraces
from engine.viewer import Viewer
from server.addresses.headers import header_middleware
from server.addresses.wire import HttpWire
from server.identity.auth import Authenticator
from server.identity.secrets import jwt_secret, signing_secret
from server.identity.signing import Signer
from server.settings import Settings, load_settings
from server.watching.logs import set_up_logs
from server.watching.metrics import Metrics
from server.watching.requests import Watching
from server.watching.visits import Visits, current_visit

__all__ = ["House", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the routes of a rival have of the service."""

    database: Database
    authenticator: Authenticator
    signer: Signer

    async def viewer(self, request: HTTPConnection, name: str) -> Viewer:
        """The caller, noted for the log line and the metrics as the service does."""
        viewer = await self.authenticator.viewer(request.headers.get("authorization"))
        if visit := current_visit():
            visit.note("query", name, viewer.user_id)
        return viewer


def host(routes: Callable[[House], Sequence[BaseRoute]]) -> None:
    """Serves these routes until a signal comes; prints `ready`."""
    settings = load_settings()
    set_up_logs(settings.log_level)
    uvloop.run(_serve(settings, routes))


async def _serve(settings: Settings, routes: Callable[[House], Sequence[BaseRoute]]) -> None:
    assert settings.database_url
    async with open_database(settings.database_url) as database:
        house = House(
            database=database,
            authenticator=Authenticator(
                secret=jwt_secret(settings), keys=None, audience=settings.jwt_audience, issuer=None
            ),
            signer=Signer(signing_secret(settings), f"{settings.address}/files/"),
        )
        watching = Middleware(Watching, visits=Visits(Metrics(), NoTraces()))
        app = Starlette(routes=routes(house), middleware=[*header_middleware(settings), watching])
        server = uvicorn.Server(_config(settings, app))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        await serving


def _config(settings: Settings, app: Starlette) -> uvicorn.Config:
    """As server.serve has it."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=HttpWire,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
