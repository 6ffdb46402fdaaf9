"""What a resolver needs besides db: who asks, and the services built once by the server."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog

from db.reading.selection import Arguments, Bound
from db.reading.statements import Statement
from db.session import DATABASE_AWAY, Database, Record, Session
from engine.seams import Hints, Model, NoTraces, Provider, Traces, Uploads
from engine.viewer import Viewer
from resolvers.changes import Source
from resolvers.faults import Fault, UnavailableFault
from schema.viewer import Usage

__all__ = ["Context", "Join", "Services", "StreamContext"]

Join: TypeAlias = Callable[[Source, int | None], Awaitable[AsyncIterator[Any]]]
"""The stream of what a source tells past a seq, shared by all who asked the same."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Long-lived things, shared by all requests.

    signer gives the hour's keys for studio.signed_address; uploads are of reference images; default_model is
    one of the providers' models; max_queued and max_running are for one user; loopback_references says
    whether a reference may lie on this very machine (local mode).
    """

    database: Database
    hints: Hints
    signer: Callable[[], list[str]]
    uploads: Uploads
    providers: Sequence[Provider]
    default_model: str
    max_batch: int
    max_queued: int
    max_running: int
    loopback_references: bool
    traces: Traces = field(default_factory=NoTraces)

    @property
    def models(self) -> list[Model]:
        """What each provider offers now: an outage at the start may have hidden their inputs."""
        return [model for provider in self.providers for model in provider.models()]

    @property
    def model_names(self) -> frozenset[str]:
        """What can be asked for."""
        return frozenset(model.name for model in self.models)


class Context:
    """One operation: its viewer, its services, and how many images it has previewed.

    fault is what read() has ended with: it reads nothing more.
    """

    def __init__(self, viewer: Viewer, services: Services) -> None:
        self.viewer = viewer
        self.services = services
        self.previewed = 0
        self.fault: Fault | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A transaction under the viewer's own role. Raises Fault once the token has expired.

        What the database raises while it is away is a Fault from here on: elsewhere a TimeoutError could
        be anybody's.
        """
        self._refuse_expired()
        try:
            async with self.services.database.session(self.viewer) as session:
                yield session
        except DATABASE_AWAY as error:
            raise _unavailable(error) from error

    def bound(self, arguments: Sequence[Arguments], **named: object) -> Bound:
        """What this request brings to a compiled statement."""
        return Bound(arguments=arguments, named={"signer": self.services.signer(), **named})

    async def read(self, statement: Statement, bound: Bound) -> Sequence[Record]:
        """The rows of a compiled statement, as session() would have them."""
        if self.fault:
            raise self.fault
        self._refuse_expired()
        try:
            return await self.services.database.read(self.viewer, statement, bound)
        except DATABASE_AWAY as error:
            raise _unavailable(error) from error

    def _refuse_expired(self) -> None:
        expires_at = self.viewer.expires_at
        if expires_at is not None and expires_at < time.time():
            raise Fault("UNAUTHENTICATED", "The token has expired.")

    async def usage(self) -> Usage:
        """The viewer's own, in one statement."""
        async with self.session() as session:
            used = await session.one("usage", self.viewer.user_id)
        return Usage(
            queued_generations=used["queued"],
            running_generations=used["running"],
            max_queued_generations=self.services.max_queued,
            max_running_generations=self.services.max_running,
        )


class StreamContext(Context):
    """One subscription. last_event_id is the cursor that a client of server-sent events comes back with."""

    def __init__(
        self, viewer: Viewer, services: Services, *, join: Join, last_event_id: str | None = None
    ) -> None:
        super().__init__(viewer, services)
        self.join = join
        self.last_event_id = last_event_id


def _unavailable(error: BaseException) -> Fault:
    logger.warning("database_away", reason=type(error).__name__)
    return UnavailableFault()
