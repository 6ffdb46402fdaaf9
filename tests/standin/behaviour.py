"""How the stand-in behaves: what it takes its time for, and which share of its calls goes wrong how."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["AFTER", "BEFORE", "OUTPUTS", "RUNS", "WEBHOOKS", "Behaviour", "Dice"]


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """Every share is from 0 to 1. All of it can be changed while the stand-in runs."""

    seconds: float = 0.0
    """How long a run takes; at 0 the answer to its creation has its output."""
    rate: int = 0
    """Creations in a window, then 429 with retry_after; 0 is no limit."""
    reads: int = 0
    """Other calls in a window, then 429; 0 is no limit."""
    window: float = 60.0
    retry_after: float = 1.0
    slow_seconds: float = 1.0
    late_seconds: float = 1.0
    hang_seconds: float = 3600.0
    keep_seconds: float = 3600.0
    """How long after its end a run keeps its input, logs and outputs."""
    page: int = 100
    list_lag: float = 0.0
    """How many seconds after its creation a run appears in the list."""
    list_webhooks: bool = False
    """Whether runs tell the webhook's address they were created with."""
    ahead: float = 0.0
    """How many seconds its clock goes before ours; also a way to let an hour go by."""
    down: bool = False
    """Every line is dropped."""

    # Shares of the creations, before anything is created:
    throttled: float = 0.0
    throttled_by_header: float = 0.0
    throttled_silently: float = 0.0
    refused: float = 0.0
    """The line is dropped."""
    error: float = 0.0
    """500."""
    ignored: float = 0.0
    """No answer comes."""

    # Shares of the creations, once the run is created:
    error_after: float = 0.0
    lost: float = 0.0
    """The line is dropped without an answer."""
    hung: float = 0.0
    slow: float = 0.0
    garbage: float = 0.0
    """An answer that is no JSON."""
    half: float = 0.0
    """Half an answer, then the line is dropped."""

    # Shares of all other calls:
    read_throttled: float = 0.0
    read_error: float = 0.0
    read_garbage: float = 0.0
    read_lost: float = 0.0
    read_hung: float = 0.0
    list_unreadable: float = 0.0

    # Shares of the runs:
    stuck: float = 0.0
    """Processing until its deadline."""
    queued: float = 0.0
    """Starting until its deadline."""
    failing: float = 0.0
    indecent: float = 0.0
    """Fails for its content."""

    # Shares of the runs whose webhooks are:
    webhook_lost: float = 0.0
    webhook_doubled: float = 0.0
    webhook_late: float = 0.0
    webhook_shuffled: float = 0.0
    """The start is told after the end."""
    webhook_forged: float = 0.0
    """Signed with another key."""

    # Shares of the runs whose output files are:
    output_gone: float = 0.0
    output_html: float = 0.0
    output_empty: float = 0.0
    output_half: float = 0.0
    """Half a file, which says that it is whole."""
    output_cut: float = 0.0
    """Half a file, whose length says so."""

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Raises KeyError for a name that is none."""
        known = {field.name: field.type for field in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise KeyError(name)
            setattr(self, name, value)


BEFORE = ("throttled", "throttled_by_header", "throttled_silently", "refused", "error", "ignored")
AFTER = ("error_after", "lost", "hung", "slow", "garbage", "half")
RUNS = ("stuck", "queued", "failing", "indecent")
WEBHOOKS = ("webhook_lost", "webhook_doubled", "webhook_late", "webhook_shuffled", "webhook_forged")
OUTPUTS = ("output_gone", "output_html", "output_empty", "output_half", "output_cut")


class Dice:
    """Decides by a seed what befalls a call."""

    def __init__(self, behaviour: Behaviour, seed: int) -> None:
        self.behaviour = behaviour
        self.random = random.Random(seed)  # noqa: S311

    def falls(self, name: str) -> bool:
        share = getattr(self.behaviour, name)
        return share > 0 and self.random.random() < share

    def one_of(self, names: tuple[str, ...]) -> str | None:
        """The first of these that befalls the call."""
        return next((name for name in names if self.falls(name)), None)

    def all_of(self, names: tuple[str, ...]) -> frozenset[str]:
        return frozenset(name for name in names if self.falls(name))

    def id(self) -> str:
        """Such as Replicate's are: 26 characters of base32."""
        return "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz234567", k=26))
