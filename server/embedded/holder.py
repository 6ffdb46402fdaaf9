"""Holding the server: every process that needs it is inside `embedded_postgres`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from server.embedded.account import server_account
from server.embedded.binaries import find_binaries
from server.embedded.cluster import APP, DATABASE, OWNER, SUPERUSER, check_cluster, read_passwords
from server.embedded.errors import DataFolderError, EmbeddedPostgresError, NotReadyError
from server.embedded.filelock import FileLock
from server.embedded.launch import launch_keeper
from server.embedded.order import Order
from server.embedded.paths import Place, find_place, make_data_dir
from server.embedded.postmaster import PidFile
from server.embedded.sockets import PORT

__all__ = ["EmbeddedPostgres", "embedded_postgres"]

logger = logging.getLogger("server.embedded")

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
WATCH_SECONDS = 1.0
WATCH_SECONDS_AT_MOST = 60.0

# How long a leaving holder stays to see the server end; the keeper stops it in any case.
LEAVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """A running server's addresses. They contain passwords, and stay good over its restarts."""

    login_url: str = field(repr=False)
    """As `studio_app`, who owns nothing and inherits nothing."""

    owner_url: str = field(repr=False)
    """As `studio_owner`, the database's owner, who is no superuser."""

    superuser_url: str = field(repr=False)
    """As `postgres`, in the database `postgres`."""

    directory: Path
    """The cluster's folder, which may lie outside the data folder."""

    socket_dir: Path
    pgpass: Path


@asynccontextmanager
async def embedded_postgres(
    data_dir: Path, *, binaries: Path | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[EmbeddedPostgres]:
    """A server that answers, made and started where need be, for as long as the block lasts.

    Any number of processes may be inside at once: the first starts the server, the last to leave
    ends it. `settings` hold for who starts it. Raises an `EmbeddedPostgresError`.
    """
    order = await asyncio.to_thread(_prepare, data_dir, binaries, settings or {})
    with FileLock.opened(order.place.holders_lock) as holders:
        server = await _join(order, holders)
        try:
            async with _watching(order):
                yield server
        finally:
            holders.release()
            await _leave(order.place)


def _prepare(data_dir: Path, binaries: Path | None, settings: Mapping[str, str]) -> Order:
    account = server_account()
    try:
        data_dir = make_data_dir(data_dir, account)
        place = find_place(data_dir, account)
        with FileLock.opened(place.holders_lock):
            programs = find_binaries(binaries, account)
            check_cluster(place, account, programs)
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})"
        raise DataFolderError(data_dir, reason) from error
    lines = tuple(f"{name}={value}" for name, value in settings.items())
    return Order(place=place, binaries=programs, settings=lines)


async def _join(order: Order, holders: FileLock) -> EmbeddedPostgres:
    """Holds the lock, and the server that then answers."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            # Refused while a keeper stops the server for those who have just left.
            await _until(holders.share)
            return await _ready(order)
    except TimeoutError as error:
        raise NotReadyError(order.place.log, READY_SECONDS) from error


async def _ready(order: Order) -> EmbeddedPostgres:
    while True:
        if not _is_kept(order.place):
            await launch_keeper(order)
        server = _describe(order.place)
        if server is not None and await _answers(server, order.place):
            return server
        await asyncio.sleep(POLL_SECONDS)


def _describe(place: Place) -> EmbeddedPostgres | None:
    """The server whose start is complete, by what PostgreSQL itself has noted."""
    noted = PidFile.read(place.cluster)
    if noted is None or noted.socket_dir is None or not noted.ready:
        return None
    passwords = read_passwords(place.pgpass)

    def url(role: str, database: str) -> str:
        address = f"host={quote(str(noted.socket_dir))}&port={PORT}"
        return f"postgresql://{role}:{passwords[role]}@/{database}?{address}"

    return EmbeddedPostgres(
        login_url=url(APP, DATABASE),
        owner_url=url(OWNER, DATABASE),
        superuser_url=url(SUPERUSER, SUPERUSER),
        directory=place.cluster,
        socket_dir=noted.socket_dir,
        pgpass=place.pgpass,
    )


async def _answers(server: EmbeddedPostgres, place: Place) -> bool:
    # Here, because the keeper imports this package too and would start twice as slowly.
    import asyncpg

    try:
        connection = await asyncpg.connect(server.login_url, timeout=10)  # type: ignore[no-untyped-call, unused-ignore]
        await connection.close()
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        reason = f"the password of {APP} in {place.pgpass.name} is not the database's"
        raise DataFolderError(place.data_dir, reason) from error
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        return False
    return True


@asynccontextmanager
async def _watching(order: Order) -> AsyncIterator[None]:
    watch = asyncio.create_task(_watch(order))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(order: Order) -> None:
    """Starts another keeper wherever one was killed: without it nobody ends the server."""
    pause = WATCH_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            if not _is_kept(order.place):
                logger.warning("the keeper of PostgreSQL has gone, starting another")
                await launch_keeper(order)
            pause = WATCH_SECONDS
        except (EmbeddedPostgresError, OSError) as error:
            pause = min(2 * pause, WATCH_SECONDS_AT_MOST)
            logger.error("%s Trying again in %g seconds.", error, pause)


async def _leave(place: Place) -> None:
    """Returns once the server has ended, or at once where others go on holding it."""
    # OSError: the time is up (TimeoutError is one), or somebody has deleted the data folder.
    with suppress(OSError):
        async with asyncio.timeout(LEAVE_SECONDS):
            await _until(lambda: not _is_kept(place) or _is_held(place))


async def _until(claim: Callable[[], bool]) -> None:
    while not claim():  # noqa: ASYNC110 - no event of ours tells what other processes do
        await asyncio.sleep(POLL_SECONDS)


def _is_kept(place: Place) -> bool:
    with FileLock.opened(place.keeper_lock) as lock:
        return not lock.share()


def _is_held(place: Place) -> bool:
    """True if others share the lock: neither is it free, nor has the keeper taken it."""
    with FileLock.opened(place.holders_lock) as lock:
        return not lock.take() and lock.share()
