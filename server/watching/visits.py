"""What is told of each request: one line in the log, and the counts; never what was asked or answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from uuid import UUID

import structlog

from engine.seams import Traces
from server.watching.metrics import Metrics

__all__ = ["Visit", "Visits", "current_visit"]

OK = "OK"
LONGEST_NAME = 60

logger = structlog.get_logger()
visit_of_task: ContextVar["Visit | None"] = ContextVar("visit", default=None)


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request, or one operation of a socket, as far as it is known."""

    transport: str
    address: str | None
    kind: str | None = None
    operation: str | None = None
    user_id: UUID | None = None
    code: str | None = None
    began: float = field(default_factory=perf_counter)

    def note(self, kind: str, operation: str | None, user_id: UUID | None) -> None:
        """Which operation it is, and whose."""
        self.kind, self.operation, self.user_id = kind, operation and operation[:LONGEST_NAME], user_id

    @property
    def seconds(self) -> float:
        return perf_counter() - self.began


def current_visit() -> Visit | None:
    """That of the task at hand."""
    return visit_of_task.get()


class Visits:
    """Begins and ends them, and counts."""

    def __init__(self, metrics: Metrics, traces: Traces) -> None:
        self.metrics = metrics
        self.traces = traces
        # There are as many of these as prometheus_client keeps itself, and it looks for them slowly.
        self._operations = cache(metrics.operations.labels)
        self._seconds = cache(metrics.operation_seconds.labels)

    @contextmanager
    def visit(self, transport: str, address: str | None) -> Iterator[Visit]:
        """What is done in the block; counted at its end, if it has become an operation."""
        visit = Visit(transport=transport, address=address)
        token = visit_of_task.set(visit)
        try:
            with self.traces.span(f"{transport} request"):
                yield visit
        finally:
            visit_of_task.reset(token)
            self._count(visit)

    @contextmanager
    def operation(self, address: str | None) -> Iterator[Visit]:
        """One operation of a socket, with a line in the log."""
        with self.visit("socket", address) as visit:
            try:
                yield visit
            finally:
                self.tell(visit)

    def tell(self, visit: Visit, **more: object) -> None:
        """The line in the log."""
        logger.info(
            "request",
            transport=visit.transport,
            **more,
            kind=visit.kind,
            operation=visit.operation,
            user=visit.user_id,
            code=visit.code or (OK if visit.kind else None),
            ms=round(visit.seconds * 1000, 1),
        )

    def _count(self, visit: Visit) -> None:
        if visit.kind is None and visit.code is None:
            return
        name = self.metrics.name(visit.operation)
        self._operations(visit.transport, name, visit.code or OK).inc()
        if visit.kind != "subscription":  # which lasts as long as somebody looks
            self._seconds(name).observe(visit.seconds)
