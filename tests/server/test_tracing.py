"""Where time goes, from the request to the provider, without anything handed on in between."""

from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.seams import NoTraces
from server.watching.telemetry import OpenTelemetryTraces
from server.watching.tracing import open_tracing

PROMPT = "a boat nobody should hear of"


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
def traces(exported):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return OpenTelemetryTraces(provider.get_tracer("tests"))


async def test_without_an_endpoint_nobody_is_told():
    async with open_tracing(None) as traces:
        assert isinstance(traces, NoTraces)


def test_a_step_is_in_the_trace_of_its_batch_and_so_is_the_call_within(traces, exported):
    batch = uuid4()
    with traces.step("submit", batch), traces.span("demo submit"):
        pass

    call, step = exported.get_finished_spans()
    assert (step.name, call.name) == ("submit", "demo submit")
    assert step.context.trace_id == call.context.trace_id == batch.int
    assert call.parent.span_id == step.context.span_id


def test_a_request_links_to_what_it_began(traces, exported):
    batch = uuid4()
    with traces.span("http request"):
        traces.began(batch)

    (request,) = exported.get_finished_spans()
    assert [link.context.trace_id for link in request.links] == [batch.int]
    assert request.context.trace_id != batch.int


def test_what_fails_is_told_without_its_words(traces, exported):
    with pytest.raises(ValueError, match=PROMPT), traces.span("http request"):
        raise ValueError(PROMPT)

    (request,) = exported.get_finished_spans()
    assert PROMPT not in request.to_json()
