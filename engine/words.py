"""The closed sets of words that rows, jobs and the API share."""

from enum import Enum

__all__ = ["BatchStatus", "GenerationErrorCode", "GenerationStatus", "UserErrorCode"]


class BatchStatus(Enum):
    """The state of a batch; it follows from the batch's counters (migrations: batches.status)."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELING = "CANCELING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def finished(self) -> bool:
        return self in _FINISHED_BATCH


_FINISHED_BATCH = frozenset(
    {
        BatchStatus.SUCCEEDED,
        BatchStatus.PARTIALLY_SUCCEEDED,
        BatchStatus.FAILED,
        BatchStatus.CANCELED,
    }
)


class GenerationStatus(Enum):
    """The state of one image's making."""

    QUEUED = "QUEUED"
    THROTTLED = "THROTTLED"
    RUNNING = "RUNNING"
    SAVING = "SAVING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class GenerationErrorCode(Enum):
    """Why a generation, or the saving of its image, failed."""

    INVALID_INPUT = "INVALID_INPUT"
    MODEL_NOT_FOUND = "MODEL_NOT_FOUND"
    CONTENT_REFUSED = "CONTENT_REFUSED"
    MODEL_FAILED = "MODEL_FAILED"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    PROVIDER_UNAUTHORIZED = "PROVIDER_UNAUTHORIZED"
    THROTTLED = "THROTTLED"
    TIMED_OUT = "TIMED_OUT"
    OUTPUT_EXPIRED = "OUTPUT_EXPIRED"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    STORAGE_FAILED = "STORAGE_FAILED"
    SAVE_FAILED = "SAVE_FAILED"
    UNCONFIRMED = "UNCONFIRMED"
    INTERNAL = "INTERNAL"


class UserErrorCode(Enum):
    """What the caller can put right."""

    INVALID = "INVALID"
    REQUIRED = "REQUIRED"
    NOT_FOUND = "NOT_FOUND"
    TOO_MANY = "TOO_MANY"
    LIMIT_REACHED = "LIMIT_REACHED"
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
