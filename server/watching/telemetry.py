"""OpenTelemetry's side of traces; importing it needs the extra `otel`."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)

__all__ = ["OpenTelemetryTraces", "open_exporter"]

SPAN_ID_BITS = 64


@asynccontextmanager
async def open_exporter() -> AsyncIterator["OpenTelemetryTraces"]:
    """Sends them where the SDK's own settings say, until the end of the block."""
    # What the environment says of the resource, OTEL_SERVICE_NAME say, goes before ours.
    resource = Resource.create({"service.name": "batch-studio"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield OpenTelemetryTraces(provider.get_tracer("batch-studio"))
    finally:
        await asyncio.to_thread(provider.shutdown)  # which sends the last ones


class OpenTelemetryTraces:
    """Spans of the steps at hand: names, ids and how they ended; no prompts, no addresses."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        with self._told(name, None):
            yield

    @contextmanager
    def step(self, name: str, topic: UUID) -> Iterator[None]:
        with self._told(name, set_span_in_context(NonRecordingSpan(_root_of(topic)))):
            yield

    def began(self, topic: UUID) -> None:
        get_current_span().add_link(_root_of(topic))

    @contextmanager
    def _told(self, name: str, context: Context | None) -> Iterator[None]:
        """That it failed is told, and not with which words: they may hold what somebody asked for."""
        started = self.tracer.start_as_current_span(
            name, context=context, record_exception=False, set_status_on_exception=False
        )
        with started as span:
            try:
                yield
            except Exception:
                span.set_status(StatusCode.ERROR)
                raise


def _root_of(topic: UUID) -> SpanContext:
    """Where the trace of a batch, or of a single image, begins."""
    return SpanContext(
        trace_id=topic.int,
        span_id=topic.int % 2**SPAN_ID_BITS,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
