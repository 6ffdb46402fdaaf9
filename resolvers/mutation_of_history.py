"""Writing what is kept: the root fields that name, delete and restore batches and images."""

from typing import Annotated

import strawberry

from engine.ids import read_id
from engine.refusals import Refusal
from resolvers import naming, trash
from resolvers.context import Context
from schema.inputs import UpdateBatchInput, UpdateImageInput
from schema.node import global_id, row, rows
from schema.payloads import BatchPayload, DeletePayload, ImagePayload, RestoreImagesPayload, user_errors

__all__ = ["BatchId", "HistoryMutation", "Info", "batch_payload"]

Info = strawberry.Info[Context, None]
BatchId = Annotated[strawberry.ID, strawberry.argument(description="The batch.")]
ImageIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description="The images, at most 500: all of them, or none if one does not exist."),
]


@strawberry.type(description="Writing what is kept.")
class HistoryMutation:
    @strawberry.mutation(description="Names a batch, marks it, tags it.")
    async def update_batch(
        self,
        info: Info,
        input: Annotated[UpdateBatchInput, strawberry.argument(description="What to change.")],
    ) -> BatchPayload:
        refusals = await naming.update_batch(info.context, input)
        return batch_payload(input.id, refusals, "input")

    @strawberry.mutation(
        description=(
            "Out of the history, restorable until it is purged. Its images go with it unless keepImages. One "
            "that is not finished is cancelled first. What the provider makes of it all the same is saved "
            "where its images are."
        )
    )
    async def delete_batch(
        self,
        info: Info,
        id: BatchId,
        keep_images: Annotated[
            bool | None, strawberry.argument(description="Whether its images stay in the history.")
        ] = False,
    ) -> DeletePayload:
        key = read_id(id)
        refusals = await trash.delete_batch(info.context, key, keep_images=bool(keep_images))
        deleted = [global_id(key)] if key and not refusals else []
        return DeletePayload(deleted_ids=deleted, user_errors=user_errors(refusals))

    @strawberry.mutation(
        description=(
            "Into the history again, with the images that went with it. What was cancelled stays so until "
            "retryBatch."
        )
    )
    async def restore_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return batch_payload(id, await trash.restore_batch(info.context, read_id(id)))

    @strawberry.mutation(description="Names an image, marks it.")
    async def update_image(
        self,
        info: Info,
        input: Annotated[UpdateImageInput, strawberry.argument(description="What to change.")],
    ) -> ImagePayload:
        refusals = await naming.update_image(info.context, input)
        return ImagePayload(image=row(read_id(input.id)), user_errors=user_errors(refusals, "input"))

    @strawberry.mutation(description="Out of the history, restorable until they are purged.")
    async def delete_images(self, info: Info, ids: ImageIds) -> DeletePayload:
        outcome = await trash.delete_images(info.context, ids)
        if isinstance(outcome, trash.Refused):
            return DeletePayload(user_errors=user_errors(outcome.refusals))
        return DeletePayload(deleted_ids=[global_id(key) for key in outcome])

    @strawberry.mutation(description="Into the history again, with or without their batch.")
    async def restore_images(self, info: Info, ids: ImageIds) -> RestoreImagesPayload:
        outcome = await trash.restore_images(info.context, ids)
        if isinstance(outcome, trash.Refused):
            return RestoreImagesPayload(user_errors=user_errors(outcome.refusals))
        return RestoreImagesPayload(images=rows(outcome))


def batch_payload(id: str, refusals: list[Refusal], *place: str) -> BatchPayload:
    """place is as in user_errors."""
    return BatchPayload(batch=row(read_id(id)), user_errors=user_errors(refusals, *place))
