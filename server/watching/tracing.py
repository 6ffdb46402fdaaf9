"""Traces, where the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT is set.

A batch is made long after its request has been answered, by any process, whatever is killed meanwhile. So
nothing is handed on: the trace of a batch has the batch's own id, and the request that began it links to it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.seams import NoTraces, Traces
from server.settings import SettingsError

__all__ = ["open_tracing"]


@asynccontextmanager
async def open_tracing(endpoint: str | None) -> AsyncIterator[Traces]:
    """Traces sent to this endpoint until the end of the block; none without one. Raises SettingsError."""
    if endpoint is None:
        yield NoTraces()
        return
    try:
        from server.watching.telemetry import open_exporter
    except ImportError as error:
        raise SettingsError("OTEL_EXPORTER_OTLP_ENDPOINT needs the extra: batch-studio[otel].") from error
    async with open_exporter() as traces:
        yield traces
