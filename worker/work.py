"""A job, and all that it knows of its generation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from db.jobs import Job, subject_of
from engine.seams import Call, Run
from engine.viewer import Viewer
from engine.words import GenerationStatus

__all__ = ["Later", "Task", "Work"]


class Later(Exception):  # noqa: N818 - not an error: the job is to come again
    """The job is not done; it comes again after so many seconds and holds no slot until then."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job as its handler sees it: its kind, what it is about, its fair turn."""

    kind: Job
    subject: str
    turn: int

    @property
    def generation_id(self) -> UUID:
        return UUID(self.subject.partition(":")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A generation with what its batch shares and its latest call of this round.

    misses are the calls of this round that surely became no run.
    """

    id: UUID
    user_id: UUID
    batch_id: UUID | None
    collection_id: UUID | None
    position: int
    name: str
    prompt: str
    model: str
    parameters: dict[str, Any]
    seed: int
    reference_url: str | None
    reference_key: str | None
    status: GenerationStatus
    saved: bool
    saves: int
    outputs: list[str]
    progress: float | None
    round: int
    paused: bool
    cancel_asked: bool
    prediction_id: str | None
    open_call: Call | None
    asked_at: datetime | None
    misses: int

    @property
    def owner(self) -> Viewer:
        """Whose session the image is saved in."""
        return Viewer(user_id=self.user_id, role="authenticated")

    @property
    def topic(self) -> UUID:
        """Whose rows a change of it locks: its batch's, or its own alone."""
        return self.batch_id or self.id

    @property
    def subject(self) -> str:
        return subject_of(self.id, self.round)

    @property
    def age(self) -> float:
        """Seconds since the latest call."""
        return (datetime.now(UTC) - self.asked_at).total_seconds() if self.asked_at else 0.0

    @property
    def reference(self) -> str | None:
        """Its reference image: the copy in storage, once there is one."""
        return self.reference_key or self.reference_url

    def run(self, turn: int) -> Run:
        """What is to be made."""
        return Run(
            model=self.model,
            prompt=self.prompt,
            seed=self.seed,
            parameters=self.parameters,
            reference_url=self.reference,
            turn=turn,
        )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=row["id"],
            user_id=row["user_id"],
            batch_id=row["batch_id"],
            collection_id=row["work_collection_id"],
            position=row["position"],
            name=row["name"],
            prompt=row["prompt"],
            model=row["model"],
            parameters=row["parameters"],
            seed=row["seed"],
            reference_url=row["work_reference_url"],
            reference_key=row["work_reference_key"],
            status=GenerationStatus(row["status"]),
            saved=row["saved"],
            saves=row["saves"],
            outputs=row["outputs"],
            progress=row["progress"],
            round=row["round"],
            paused=row["paused"],
            cancel_asked=row["cancel_asked"],
            prediction_id=row["prediction_id"],
            open_call=_open_call(row),
            asked_at=row["asked_at"],
            misses=row["misses"],
        )


def _open_call(row: Mapping[str, Any]) -> Call | None:
    """A call whose run is not known, and which is not known to have become none."""
    if row["outcome"] != "asked" or row["prediction_id"] is not None:
        return None
    return Call(id=row["attempt_id"], model=row["model"], input=row["input"], began=row["asked_at"])
