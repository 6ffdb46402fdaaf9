"""What Replicate says of a run, in the seam's words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.seams import Output, Prediction, PredictionState, ProviderError
from engine.words import GenerationErrorCode as Code
from worker.replicate.faults import BadAnswerError, run_fault

__all__ = ["DEADLINE", "Watching", "moment", "run_id", "standing"]

DEADLINE = 600.0
KEPT = timedelta(hours=1)
"""How long after its end a run keeps its outputs."""
PROGRESS = re.compile(r"(\d{1,3})(?:\.\d+)?%\s*\|")  # as tqdm draws it
LAST_LOGS = 4000
ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
DEEPEST = 5
MOST_OUTPUTS = 100
SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How a run is watched: the deadline it was given, and the seconds between two looks at it.

    ahead is how many seconds the provider's clock goes before ours.
    """

    deadline: float = DEADLINE
    soonest: float = 0.5
    latest: float = 5.0
    ahead: float = 0.0

    @property
    def now(self) -> datetime:
        """By the provider's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def wait(self, created: datetime | None) -> float:
        """Half its age: a short run is seen early, and a long one costs few calls."""
        age = (self.now - created).total_seconds() if created else 0.0
        return min(max(age / 2, self.soonest), self.latest)


def standing(run: Mapping[str, Any], watching: Watching) -> Prediction:
    """How a run stands; a status that nobody knows yet is of one that still runs.

    Raises BadAnswerError for what is no run.
    """
    status = run.get("status")
    if not isinstance(status, str):
        raise BadAnswerError("a run without a status")
    match status:
        case "succeeded":
            return _succeeded(run, watching)
        case "failed":
            return _failed(run, run_fault(run.get("error")))
        case "canceled" | "aborted":
            return _stopped(run, watching)
    wait = watching.wait(moment(run.get("created_at")))
    return Prediction(
        id=run_id(run), state=PredictionState.RUNNING, progress=_progress(run.get("logs")), wait=wait
    )


def run_id(run: Mapping[str, Any]) -> str:
    """Raises BadAnswerError where it has none that an address may hold."""
    id = run.get("id")
    if not isinstance(id, str) or not ID.fullmatch(id):
        raise BadAnswerError("a run without an id")
    return id


def moment(text: object) -> datetime | None:
    """A time as the provider writes it; None for what is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _succeeded(run: Mapping[str, Any], watching: Watching) -> Prediction:
    addresses = list(_addresses(run.get("output"), DEEPEST))[:MOST_OUTPUTS]
    if not addresses and _removed(run, watching):
        gone = ProviderError(
            Code.OUTPUT_EXPIRED, "The provider has already deleted the picture.", retryable=True
        )
        return _failed(run, gone)
    outputs = [Output(address=address) for address in addresses]
    return Prediction(id=run_id(run), state=PredictionState.SUCCEEDED, outputs=outputs, progress=1.0)


def _failed(run: Mapping[str, Any], error: ProviderError) -> Prediction:
    return Prediction(id=run_id(run), state=PredictionState.FAILED, error=error)


def _stopped(run: Mapping[str, Any], watching: Watching) -> Prediction:
    """canceled: by somebody, or at its deadline; aborted: at its deadline, before it began to run."""
    if _at_deadline(run, watching):
        late = ProviderError(Code.TIMED_OUT, "The model did not finish in time.", retryable=True)
        return _failed(run, late)
    return Prediction(id=run_id(run), state=PredictionState.CANCELED)


def _at_deadline(run: Mapping[str, Any], watching: Watching) -> bool:
    created = moment(run.get("created_at"))
    ours = created + timedelta(seconds=watching.deadline) if created else None
    deadline = moment(run.get("deadline")) or ours
    if deadline is None:
        return run.get("status") == "aborted"
    return (moment(run.get("completed_at")) or watching.now) >= deadline - SLACK


def _removed(run: Mapping[str, Any], watching: Watching) -> bool:
    completed = moment(run.get("completed_at"))
    return bool(run.get("data_removed")) or (completed is not None and watching.now - completed > KEPT)


def _addresses(output: object, depth: int) -> Iterator[str]:
    """Of all files in an output: one, a list, or either somewhere within objects."""
    if isinstance(output, str):
        if output.startswith(("https://", "http://", "data:")):
            yield output
    elif isinstance(output, list | dict) and depth:
        for each in output.values() if isinstance(output, dict) else output:
            yield from _addresses(each, depth - 1)


def _progress(logs: object) -> float | None:
    found = PROGRESS.findall(logs[-LAST_LOGS:]) if isinstance(logs, str) else []
    return min(int(found[-1]) / 100, 1.0) if found else None
