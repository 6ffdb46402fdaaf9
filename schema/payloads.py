"""What a mutation or a subscription hands back."""

from collections.abc import Iterable
from typing import Self

import strawberry

from engine.refusals import Refusal
from schema.collection import Collection
from schema.history import Batch, Generation
from schema.image import Image
from schema.words import UserErrorCode

__all__ = [
    "BatchPayload",
    "BatchUpdate",
    "CollectionPayload",
    "DeletePayload",
    "GenerationPayload",
    "HistoryUpdate",
    "ImagePayload",
    "RestoreImagesPayload",
    "StartBatchPayload",
    "UserError",
    "user_errors",
]


@strawberry.type(
    description=(
        "Something the caller can put right. Everything else is a top-level error with extensions.code."
    )
)
class UserError:
    field: list[str] | None = strawberry.field(
        description='The path into the input, for example ["input", "templates", "3", "prompt"].'
    )
    code: UserErrorCode = strawberry.field(description="For a program.")
    message: str = strawberry.field(description="For a person.")

    @classmethod
    def of(cls, refusal: Refusal, *place: str) -> Self:
        return cls(field=[*place, *refusal.path], code=refusal.code, message=refusal.message)


def user_errors(refusals: Iterable[Refusal], *place: str) -> list[UserError]:
    """place is the argument that the refusals' paths lead through, where there is one."""
    return [UserError.of(refusal, *place) for refusal in refusals]


@strawberry.type(description="The batch that was started, or why none was.")
class StartBatchPayload:
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="Shared by every image of the batch."
    )
    batch: Batch | None = strawberry.field(default=None, description="The batch, as accepted.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was started."
    )


@strawberry.type(description="The batch as it is now, or why nothing was done.")
class BatchPayload:
    batch: Batch | None = strawberry.field(default=None, description="The batch as it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was done."
    )


@strawberry.type(description="The generation, or why there is none.")
class GenerationPayload:
    generation: Generation | None = strawberry.field(default=None, description="The generation, as accepted.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was accepted."
    )


@strawberry.type(description="The collection, or why it could not be had.")
class CollectionPayload:
    collection: Collection | None = strawberry.field(default=None, description="The collection as it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was done."
    )


@strawberry.type(description="The image as it is now, or why nothing was done.")
class ImagePayload:
    image: Image | None = strawberry.field(default=None, description="The image as it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was done."
    )


@strawberry.type(description="What is in the history again, or why nothing was done.")
class RestoreImagesPayload:
    images: list[Image] = strawberry.field(
        default_factory=list, description="The images as they are now, in the order asked for."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was done."
    )


@strawberry.type(description="What is deleted now, or why nothing was done.")
class DeletePayload:
    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="What was asked for, each id once; empty where nothing was done."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where it was done."
    )


@strawberry.type(description="One change in a batch.")
class BatchUpdate:
    cursor: str = strawberry.field(
        description="Hand the last one seen to batchResults(after:) to go on from there."
    )
    generation: Generation | None = strawberry.field(
        description="The result that changed; null for a change of the batch alone."
    )
    batch: Batch = strawberry.field(
        description="The batch with its counts, as of this change or a later one."
    )


@strawberry.type(description="One change in a history.")
class HistoryUpdate:
    batch: Batch | None = strawberry.field(
        description="The batch that changed, as it is now; null for a change of a single generation."
    )
    generation: Generation | None = strawberry.field(
        description="The result that changed; null for a change of a batch alone."
    )
