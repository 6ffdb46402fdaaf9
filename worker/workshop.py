"""What every job works with, and what a job knows of its generation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db.session import Database, Session
from engine.seams import Hints, Provider, ProviderError, Run, Storage
from engine.viewer import Viewer
from engine.words import GenerationErrorCode, GenerationStatus
from worker.children import Children

__all__ = ["Later", "Task", "Work", "Workshop", "load_work"]


class Later(Exception):  # noqa: N818 - not an error: the job is to come again
    """The job is not done; it comes again after so many seconds and holds no slot until then."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job as its handler sees it: what it is about, and its fair turn."""

    subject: str
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Built once a worker. save_delays are the seconds between the tries to save an image."""

    database: Database
    hints: Hints
    storage: Storage
    children: Children
    providers: Mapping[str, Provider]
    save_delays: Sequence[float] = (1, 5, 30, 120, 600)

    def provider_of(self, model: str) -> Provider:
        """The provider that offers this model. Raises ProviderError."""
        provider = self.providers.get(model)
        if provider is None:
            raise ProviderError(GenerationErrorCode.MODEL_NOT_FOUND, f"No provider offers {model} any more.")
        return provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A generation with what its batch shares and its latest attempt."""

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
    status: GenerationStatus
    saved: bool
    saves: int
    outputs: list[str]
    attempt_id: UUID | None
    prediction_id: str | None

    @property
    def owner(self) -> Viewer:
        """Whose session the image is saved in."""
        return Viewer(user_id=self.user_id, role="authenticated")

    def run(self, turn: int) -> Run:
        """What is to be made."""
        return Run(
            model=self.model,
            prompt=self.prompt,
            seed=self.seed,
            parameters=self.parameters,
            reference_url=self.reference_url,
            turn=turn,
        )


async def load_work(session: Session, generation_id: UUID) -> Work | None:
    """None for a generation that is gone. The session is the worker's."""
    row = await session.row("generation_for_work", generation_id)
    if row is None:
        return None
    return Work(
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
        status=GenerationStatus(row["status"]),
        saved=row["saved"],
        saves=row["saves"],
        outputs=row["outputs"],
        attempt_id=row["attempt_id"],
        prediction_id=row["prediction_id"],
    )
