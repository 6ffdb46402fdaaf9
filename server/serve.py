"""Runs the API, a worker, or both, until asked to end."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import click
import httpx
import structlog
import uvicorn

from server.addresses.exposition import exposed
from server.addresses.wire import HttpWire, SocketWire
from server.quiet import QuietServer
from server.settings import Settings, SettingsError, refuse_open_door
from server.shared import Shared, open_shared
from server.wiring import build_app, build_workshop, exposition_of
from worker.queue import run_worker

__all__ = ["serve", "serve_until", "work"]

GRACE = 4
"""Seconds that open requests and sockets have once the service shall stop."""
LARGEST_MESSAGE = 64 * 1024
LOOK_READY = 0.05
OBJECTS_BEFORE_GARBAGE = 10_000

logger = structlog.get_logger()


async def serve(settings: Settings, *, with_worker: bool) -> None:
    """The API and, unless told otherwise, a worker, in one process, until a signal comes."""
    with _stopping() as stopping:
        await serve_until(stopping, settings, with_worker=with_worker)


async def serve_until(
    stopping: asyncio.Event,
    settings: Settings,
    *,
    with_worker: bool,
    announce: Callable[[str], None] = click.echo,
) -> None:
    """Announces the address, then `ready` once the service itself says so.

    The sockets and the worker end at the same time, and both before the database's connections.
    """
    refuse_open_door(settings)
    async with open_shared(settings) as shared, build_app(settings, shared) as app:
        server = QuietServer(_uvicorn_config(settings, app))
        async with (
            exposed(settings, app.state.exposition),
            _maybe_worker(settings, shared, with_worker=with_worker) as stop_worker,
        ):
            serving = asyncio.create_task(server.serve())
            ready = asyncio.create_task(_become_ready(settings, server))
            stopped = asyncio.create_task(stopping.wait())
            await asyncio.wait({serving, ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                _settle_in()
                for line in _greeting(settings):
                    announce(line)
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            stopped.cancel()
            stop_worker()
            app.state.live.cut()
            server.should_exit = True
            await serving


async def work(settings: Settings) -> None:
    """A worker alone."""
    if settings.database_url is None:
        raise SettingsError("A worker alone needs DATABASE_URL.")
    with _stopping() as stopping:
        async with (
            open_shared(settings) as shared,
            build_workshop(settings, shared) as shop,
            exposed(settings, exposition_of(settings, shared, shop.database)),
        ):
            _settle_in()
            click.echo("ready")
            await run_worker(shop, shared.login, concurrency=settings.concurrency, stopping=stopping)


def _uvicorn_config(settings: Settings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.host,
        port=settings.port,
        http=HttpWire,
        ws=SocketWire,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
    )


@asynccontextmanager
async def _maybe_worker(
    settings: Settings, shared: Shared, *, with_worker: bool
) -> AsyncIterator[Callable[[], None]]:
    """A worker beside the block, if wanted, and what stops it; the block's end waits for it."""
    stopping = asyncio.Event()
    if not with_worker:
        yield stopping.set
        return
    async with build_workshop(settings, shared) as shop:
        running = asyncio.create_task(
            run_worker(shop, shared.login, concurrency=settings.concurrency, stopping=stopping)
        )
        try:
            yield stopping.set
        finally:
            stopping.set()
            await running


async def _become_ready(settings: Settings, server: uvicorn.Server) -> None:
    """Returns once /readyz says so. No proxy of the environment lies between us and ourselves."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            if server.started and await _is_ready(client, settings):
                return
            await asyncio.sleep(LOOK_READY)


def _settle_in() -> None:
    """What was built at the start stays to the end: the garbage collector need not walk it ever again.

    Nearly all that a request or a job makes goes by its count of references; a large request, or a thousand
    jobs, would be walked over and over while they are needed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_GARBAGE)


def _greeting(settings: Settings) -> Iterator[str]:
    yield f"Batch Studio at {settings.address}"
    if settings.local_mode:
        yield "Local mode: this machine's browser is the local user, without a login."
    yield "ready"


async def _is_ready(client: httpx.AsyncClient, settings: Settings) -> bool:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    with suppress(httpx.HTTPError):
        response = await client.get(f"http://{host}:{settings.port}/readyz")
        return response.status_code == httpx.codes.OK
    return False


@contextmanager
def _stopping() -> Iterator[asyncio.Event]:
    """Set by SIGTERM and SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, stopping.set)
    try:
        yield stopping
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
