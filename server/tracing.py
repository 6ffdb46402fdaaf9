"""OpenTelemetry traces, where the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT is set.

A batch is made long after its request has been answered, by any process, whatever is killed meanwhile. So
nothing is handed on: the trace of a batch has the batch's own id, and the request that began it links to it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from engine.seams import NoTraces, Traces
from server.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, Tracer

__all__ = ["open_tracing"]

SPAN_ID_BITS = 64


@asynccontextmanager
async def open_tracing(endpoint: str | None) -> AsyncIterator[Traces]:
    """Traces sent to this endpoint until the end of the block; none without one. Raises SettingsError."""
    if endpoint is None:
        yield NoTraces()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError("OTEL_EXPORTER_OTLP_ENDPOINT needs the extra: batch-studio[otel].") from error
    # The resource of the environment, OTEL_SERVICE_NAME among it, goes before ours.
    provider = TracerProvider(resource=Resource({"service.name": "batch-studio"}).merge(Resource.create()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield OpenTelemetryTraces(provider.get_tracer("batch-studio"))
    finally:
        await asyncio.to_thread(provider.shutdown)  # which sends the last ones


class OpenTelemetryTraces:
    """Spans of the steps at hand: names, ids and how they ended; no prompts, no addresses."""

    def __init__(self, tracer: "Tracer") -> None:
        self.tracer = tracer

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        with self.tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
            yield

    @contextmanager
    def step(self, name: str, topic: UUID) -> Iterator[None]:
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context

        root = set_span_in_context(NonRecordingSpan(_root_of(topic)))
        with self.tracer.start_as_current_span(
            name, context=root, record_exception=False, set_status_on_exception=False
        ):
            yield

    def began(self, topic: UUID) -> None:
        from opentelemetry.trace import get_current_span

        get_current_span().add_link(_root_of(topic))


def _root_of(topic: UUID) -> "SpanContext":
    """Where the trace of a batch, or of a single image, begins."""
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        trace_id=topic.int,
        span_id=topic.int % 2**SPAN_ID_BITS,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
