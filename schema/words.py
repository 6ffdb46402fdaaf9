"""The engine's words as enums of the API, with a description for each value."""

from enum import Enum
from typing import Any, cast

import strawberry

from engine.words import BatchStatus, GenerationErrorCode, GenerationStatus, UserErrorCode

__all__ = ["BatchStatus", "GenerationErrorCode", "GenerationStatus", "UserErrorCode"]


def _describe(kind: type[Enum], about: str, descriptions: dict[str, str]) -> None:
    """Makes an enum of the engine one of the API."""
    strawberry.enum(kind, description=about)
    definition = cast("Any", kind).__strawberry_definition__
    for value in definition.values:
        value.description = descriptions[value.name]


_describe(
    BatchStatus,
    "The state of a batch. Clients must tolerate values added later.",
    {
        "QUEUED": "Accepted; nothing has begun.",
        "RUNNING": "Images are being made.",
        "PAUSED": "Nothing new begins until it is resumed.",
        "CANCELING": "Cancel asked for; work that the provider already has is being stopped.",
        "SUCCEEDED": "Every image succeeded.",
        "PARTIALLY_SUCCEEDED": "Finished, some succeeded and some did not.",
        "FAILED": "Finished, none succeeded.",
        "CANCELED": "Finished because it was cancelled.",
    },
)
_describe(
    GenerationStatus,
    "The state of one image's making. Clients must tolerate values added later.",
    {
        "QUEUED": "Waits for its turn.",
        "THROTTLED": "Held back by the provider's rate limit; see error.retryAt.",
        "RUNNING": "The provider is making it.",
        "SAVING": "Made; being copied into storage and saved.",
        "SUCCEEDED": "Made and stored; saved tells whether it is in the history.",
        "FAILED": "Ended without an image; error tells why.",
        "CANCELED": "Ended because it was cancelled.",
    },
)
_describe(
    GenerationErrorCode,
    "Why a generation failed. Clients must tolerate values added later.",
    {
        "INVALID_INPUT": "The model does not accept these inputs.",
        "MODEL_NOT_FOUND": "The provider has no such model.",
        "CONTENT_REFUSED": "The provider refused the prompt or the picture for its content.",
        "MODEL_FAILED": "The model ran and failed.",
        "PROVIDER_UNAVAILABLE": "The provider could not be reached or was out of order.",
        "PROVIDER_UNAUTHORIZED": "The provider did not accept this service's credentials.",
        "THROTTLED": "The provider asked to wait.",
        "TIMED_OUT": "The run took longer than allowed.",
        "OUTPUT_EXPIRED": "The provider had deleted the picture before it was copied.",
        "OUTPUT_INVALID": "What the model gave is no picture that can be shown.",
        "STORAGE_FAILED": "The picture could not be stored.",
        "SAVE_FAILED": "The picture is stored but could not be saved into the history.",
        "UNCONFIRMED": (
            "Asked for, and the provider never showed that it took it: it may have been billed. "
            "Only an explicit retry asks again."
        ),
        "INTERNAL": "A fault of this service.",
    },
)
_describe(
    UserErrorCode,
    "What kind of thing the caller can put right. Clients must tolerate values added later.",
    {
        "INVALID": "The value is not of the form asked for.",
        "REQUIRED": "A value is missing.",
        "NOT_FOUND": "There is no such thing, or it is not the caller's to see.",
        "TOO_MANY": "Too long, or too many of them.",
        "LIMIT_REACHED": "More than the caller may have at once.",
        "CONFLICT": "The thing is not in a state that allows it.",
        "IDEMPOTENCY_MISMATCH": "The idempotency key was used for a different input.",
    },
)
