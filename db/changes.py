"""The one way in which generations change: fenced, counted in its batch, stamped with its cursor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from db.session import Session
from engine.seams import ProviderError
from engine.transitions import states_before
from engine.words import GenerationErrorCode, GenerationStatus

__all__ = [
    "Change",
    "Changed",
    "apply_change",
    "failure",
    "internal_error",
    "save_due",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a generation becomes. outputs are storage keys by generation; attempts and saves are added on."""

    status: GenerationStatus
    saved: bool = False
    error: ProviderError | None = None
    retry_at: datetime | None = None
    progress: float | None = None
    outputs: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    attempts: int = 0
    saves: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """After a change; topics, its batch's and its owner's id, are to be hinted at once it is committed."""

    topics: Collection[UUID]
    ids: list[UUID]
    retry_in: float | None


async def apply_change(
    session: Session, generation_ids: UUID | Sequence[UUID], change: Change
) -> Changed | None:
    """Changes one generation, or several of one batch; ids are those that the fence let through.

    None where it held them all: they are not in a state that this may follow. The session is the
    worker's. Hint at the topics after the commit, never before.
    """
    ids = [generation_ids] if isinstance(generation_ids, UUID) else generation_ids
    error = change.error
    await session.rows("lock_batch_of_generations", ids)
    rows = await session.rows(
        "change_generations",
        ids,
        states_before(change.status),
        change.status.value,
        change.saved,
        error.code.value if error else None,
        error.message if error else None,
        error.retryable if error else None,
        change.retry_at,
        change.progress,
        {str(key): keys for key, keys in change.outputs.items()},
        change.attempts,
        change.saves,
    )
    if not rows:
        return None
    first = rows[0]
    return Changed(
        topics={first["batch_id"], first["user_id"]} - {None},
        ids=[row["id"] for row in rows],
        retry_in=first["retry_in"],
    )


def save_due() -> Change:
    """A save that was given up is to be tried once more, at once."""
    return Change(status=GenerationStatus.SUCCEEDED, retry_at=datetime.now(UTC))


def failure(error: ProviderError) -> Change:
    """The end of a generation without an image."""
    return Change(status=GenerationStatus.FAILED, error=error)


def internal_error() -> ProviderError:
    """What a client learns of a fault of ours."""
    return ProviderError(GenerationErrorCode.INTERNAL, "The service failed at this image.", retryable=True)
