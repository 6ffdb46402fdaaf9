"""GET /metrics, and who may read it.

The numbers tell how much is done here, which is nobody's business. So the API's own port shows them to this
machine alone, while it listens to this machine alone; otherwise there is a port for them, on loopback unless
told otherwise, as PostgREST and Envoy have it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.quiet import QuietServer
from server.settings import Settings
from server.watching.metrics import CONTENT_TYPE, Metrics
from server.watching.readings import Readings

__all__ = ["Exposition", "exposed"]

OF_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
GRACE = 1


class Exposition:
    """The page, with what is looked up for it; open_to_all where its port is its own."""

    def __init__(self, metrics: Metrics, readings: Readings, *, own_hosts: frozenset[str]) -> None:
        self.metrics = metrics
        self.readings = readings
        self.own_hosts = own_hosts

    async def get(self, _: Request) -> Response:
        await self.readings.refresh()
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def get_here(self, request: Request) -> Response:
        """For this machine alone; 404 for anybody else."""
        if not self._from_here(request):
            return PlainTextResponse("Not Found", 404)
        return await self.get(request)

    def _from_here(self, request: Request) -> bool:
        """Not through a proxy, and not by a name that leads here from elsewhere."""
        client = request.client
        return (
            client is not None
            and ip_address(client.host).is_loopback
            and request.headers.get("host") in self.own_hosts
            and not any(name in request.headers for name in OF_PROXIES)
        )


@asynccontextmanager
async def exposed(settings: Settings, page: Exposition) -> AsyncIterator[None]:
    """The page on a port of its own until the end of the block, where one is set."""
    if settings.metrics_port is None:
        yield
        return
    server = QuietServer(
        uvicorn.Config(
            Starlette(routes=[Route("/metrics", page.get)]),
            host=settings.metrics_host,
            port=settings.metrics_port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE,
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
