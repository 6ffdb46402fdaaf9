"""The stand-in's runs, what they come to in time, and how often the same work was created."""

import asyncio
import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

__all__ = ["Ledger", "Run", "Window", "fullest", "moment"]

NEVER = float("inf")
STEPS = 28


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """One run: everything it comes to follows from the time."""

    id: str
    model: str
    version: str
    input: dict[str, Any]
    created: float
    seconds: float
    deadline: float
    base: str
    webhook: str | None
    events: list[str]
    fates: frozenset[str]
    keep_seconds: float
    canceled: float = NEVER
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def work(self) -> str:
        """The same for the same model and exact input."""
        text = json.dumps([self.model, self.version, self.input], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def started(self) -> float:
        return NEVER if "queued" in self.fates else self.created + self.seconds / 10

    @property
    def ended(self) -> float:
        done = NEVER if self.fates & {"stuck", "queued"} else self.created + self.seconds
        return min(done, self.deadline, self.canceled)

    @property
    def error(self) -> str | None:
        if "fail" in self.input:
            return str(self.input["fail"])
        if "indecent" in self.fates:
            return "NSFW content detected. Try running it again, or try a different prompt."
        return "CUDA out of memory. Tried to allocate 2.00 GiB" if "failing" in self.fates else None

    def status(self, now: float) -> str:
        if now < self.ended:
            return "processing" if now >= self.started else "starting"
        if self.ended == self.canceled:
            return "canceled"
        if self.ended == self.deadline:
            return "canceled" if self.started < self.ended else "aborted"
        return "failed" if self.error else "succeeded"

    def as_json(self, now: float, *, with_webhook: bool) -> dict[str, Any]:
        status, ended = self.status(now), now >= self.ended
        removed = now > self.ended + self.keep_seconds
        shown: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "input": {} if removed else self.input,
            "logs": "" if removed else self._logs(now),
            "output": self._outputs() if status == "succeeded" and not removed else None,
            "data_removed": removed,
            "error": self.error if status == "failed" else None,
            "source": "api",
            "status": status,
            "created_at": moment(self.created),
            "started_at": moment(self.started) if now >= self.started else None,
            "completed_at": moment(self.ended) if ended else None,
            "deadline": moment(self.deadline) if self.deadline < NEVER else None,
            "urls": {
                "get": f"{self.base}/v1/predictions/{self.id}",
                "cancel": f"{self.base}/v1/predictions/{self.id}/cancel",
                "web": f"{self.base}/p/{self.id}",
            },
            "metrics": {"predict_time": self.ended - self.created} if ended else {},
        }
        if with_webhook and self.webhook:
            shown |= {"webhook": self.webhook, "webhook_events_filter": self.events}
        return shown

    def _outputs(self) -> list[str] | str:
        count = int(self.input.get("num_outputs", 1))
        files = [f"{self.base}/outputs/{self.id}/{number}.png" for number in range(count)]
        return files[0] if self.model.endswith("-pro") else files

    def _logs(self, now: float) -> str:
        """As tqdm writes them."""
        share = 1.0 if not self.seconds else min(max(now - self.created, 0) / self.seconds, 1.0)
        step = int(share * STEPS)
        return f"Using seed: {self.input.get('seed')}\n" + "\r".join(
            f"{each * 100 // STEPS:3d}%|{'#' * (each // 3):10}| {each}/{STEPS} [00:00<00:00,  9.21it/s]"
            for each in range(step + 1)
        )


class Ledger:
    """Newest last."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.works: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()

    def add(self, run: Run) -> None:
        self.runs[run.id] = run
        self.works[run.work] += 1
        self.webhooks[run.webhook or run.id] += 1

    def since(self, moment: float) -> Iterator[Run]:
        """Newest first."""
        return takewhile(lambda run: run.created >= moment, reversed(self.runs.values()))

    @property
    def stats(self) -> Mapping[str, Any]:
        """duplicates counts what was created beyond once: per exact work, and per webhook address."""
        created = [run.created for run in self.runs.values()]
        return {
            "created": len(self.runs),
            "works": len(self.works),
            "duplicates": self.works.total() - len(self.works),
            "repeated_webhooks": self.webhooks.total() - len(self.webhooks),
            "canceled": sum(run.canceled < NEVER for run in self.runs.values()),
            "fullest_minute": fullest(created),
            "created_at": created,
        }


class Window:
    """Lets so many through in any so many seconds."""

    def __init__(self) -> None:
        self.times: deque[float] = deque()

    def wait(self, now: float, limit: int, seconds: float) -> float:
        """0 where one more is let through and counted, else the seconds until one would be."""
        while self.times and self.times[0] <= now - seconds:
            self.times.popleft()
        if limit and len(self.times) >= limit:
            return max(self.times[0] + seconds - now, 0.001)
        self.times.append(now)
        return 0.0


def fullest(times: list[float], seconds: float = 60.0) -> int:
    """How many lie in the fullest stretch of so many seconds."""
    most, first = 0, 0
    ordered = sorted(times)
    for last, time in enumerate(ordered):
        while ordered[first] <= time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def moment(time: float) -> str:
    """As Replicate writes it."""
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")
