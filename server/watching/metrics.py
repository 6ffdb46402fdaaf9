"""What the process counts about itself, for Prometheus: numbers alone, never who or what."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "Metrics", "Values"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_NAMES = 100
"""Names of operations that are counted each by itself; clients choose them, so there must be an end."""
OTHER = "other"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PROVIDER_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


Values: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, and the number."""


class Reading(Collector):
    """A gauge that is not kept but read."""

    def __init__(self, name: str, text: str, values: Callable[[], Values], labels: tuple[str, ...]) -> None:
        self.name = name
        self.text = text
        self.values = values
        self.labels = labels

    def describe(self) -> list[Metric]:
        """Without a look at the values, which may not be there yet."""
        return []

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily(self.name, self.text, labels=self.labels)
        for labels, value in self.values():
            family.add_metric(labels, value)
        return [family]


class Metrics:
    """The instruments of one process, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a series beside each, which says when it began
        self.registry = CollectorRegistry()
        self.operations = self._counter(
            "operations", "Operations of GraphQL", "transport", "operation", "code"
        )
        self.operation_seconds = self._histogram(
            "operation_seconds", "How long they took", SECONDS, "operation"
        )
        self.requests = self._counter("http_requests", "Requests over HTTP", "route", "status")
        self.in_flight = self._gauge("in_flight", "Requests and sockets under way", "kind")
        self.provider_calls = self._counter(
            "provider_calls", "Calls to providers", "provider", "call", "outcome"
        )
        self.provider_seconds = self._histogram(
            "provider_call_seconds", "How long they took", PROVIDER_SECONDS, "provider", "call"
        )
        self.storage_errors = self._counter("storage_errors", "Files not stored or not read", "call")
        self._names: set[str] = set()
        ProcessCollector(namespace="batch_studio", registry=self.registry)
        GCCollector(registry=self.registry)

    def name(self, operation: str | None) -> str:
        """As it is counted: by itself, if it is among the first so many."""
        if operation is None:
            return "anonymous"
        if len(self._names) < MOST_NAMES:
            self._names.add(operation)
        return operation if operation in self._names else OTHER

    def read(self, name: str, text: str, values: Callable[[], Values], *labels: str) -> None:
        """A gauge whose values are read whenever somebody asks."""
        self.registry.register(Reading(f"batch_studio_{name}", text, values, labels))

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="batch_studio", registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace="batch_studio", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(
            name, text, labels, namespace="batch_studio", buckets=buckets, registry=self.registry
        )
