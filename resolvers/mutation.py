"""Writing: the root fields of Mutation, here those that start and control work.

Each is one transaction, whole or not at all.
"""

from typing import Annotated

import strawberry

from engine.ids import read_id
from engine.refusals import Refusal
from resolvers import control, starting, uploads
from resolvers.mutation_of_collections import CollectionMutation
from resolvers.mutation_of_history import BatchId, HistoryMutation, Info, batch_payload
from schema.inputs import GenerateImageInput, RegenerateBatchInput, StartBatchInput
from schema.node import global_id, row
from schema.payloads import BatchPayload, GenerationPayload, StartBatchPayload, user_errors
from schema.uploads import CreateReferenceUploadInput, ReferenceUploadPayload
from schema.words import GenerationErrorCode

__all__ = ["Mutation"]

GenerationId = Annotated[strawberry.ID, strawberry.argument(description="The generation.")]


@strawberry.type(description="Writing. What the caller can put right comes back in userErrors.")
class Mutation(HistoryMutation, CollectionMutation):
    @strawberry.mutation(
        description="Accepts a whole batch and returns at once; the images are made in the background."
    )
    async def start_batch(
        self,
        info: Info,
        input: Annotated[StartBatchInput, strawberry.argument(description="What to make.")],
    ) -> StartBatchPayload:
        return _started(await starting.start_batch(info.context, input))

    @strawberry.mutation(
        description=(
            "A new batch from an old one: all of it, or only what failed; anything named in the input "
            "is changed."
        )
    )
    async def regenerate_batch(
        self,
        info: Info,
        input: Annotated[RegenerateBatchInput, strawberry.argument(description="What to make again.")],
    ) -> StartBatchPayload:
        return _started(await starting.regenerate_batch(info.context, input))

    @strawberry.mutation(
        description=(
            "Queues the failed and canceled generations of this batch once more, in the same batch. A "
            "picture that could not be saved (SAVE_FAILED) is saved again, not made again."
        )
    )
    async def retry_batch(
        self,
        info: Info,
        id: BatchId,
        codes: Annotated[
            list[GenerationErrorCode] | None,
            strawberry.argument(description="Only what failed for one of these reasons."),
        ] = None,
    ) -> BatchPayload:
        key = read_id(id)
        return batch_payload(id, await control.retry_batch(info.context, key, codes))

    @strawberry.mutation(description="What waits ends at once; what the provider has is stopped there.")
    async def cancel_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return batch_payload(id, await control.cancel_batch(info.context, read_id(id)))

    @strawberry.mutation(description="Nothing new begins; what the provider has goes on.")
    async def pause_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return batch_payload(id, await control.pause_batch(info.context, read_id(id)))

    @strawberry.mutation(description="Goes on where it was paused.")
    async def resume_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return batch_payload(id, await control.resume_batch(info.context, read_id(id)))

    @strawberry.mutation(description="One image outside any batch, as from a single workspace.")
    async def generate_image(
        self,
        info: Info,
        input: Annotated[GenerateImageInput, strawberry.argument(description="What to make.")],
    ) -> GenerationPayload:
        outcome = await starting.generate_image(info.context, input)
        if isinstance(outcome, list):
            return GenerationPayload(user_errors=user_errors(outcome, "input"))
        return GenerationPayload(generation=row(outcome))

    @strawberry.mutation(
        description=(
            "Queues a failed or canceled generation once more. A picture that could not be saved "
            "(SAVE_FAILED) is saved again, not made again."
        )
    )
    async def retry_generation(self, info: Info, id: GenerationId) -> GenerationPayload:
        refusals = await control.retry_generation(info.context, read_id(id))
        return _generation(id, refusals)

    @strawberry.mutation(description="Ends it where it waits; stops it where the provider has it.")
    async def cancel_generation(self, info: Info, id: GenerationId) -> GenerationPayload:
        refusals = await control.cancel_generation(info.context, read_id(id))
        return _generation(id, refusals)

    @strawberry.mutation(
        description="A place to PUT one reference image; referenceUrl then stands for it in startBatch."
    )
    async def create_reference_upload(
        self,
        info: Info,
        input: Annotated[CreateReferenceUploadInput, strawberry.argument(description="What is to come.")],
    ) -> ReferenceUploadPayload:
        outcome = await uploads.create_reference_upload(info.context, input)
        if isinstance(outcome, list):
            return ReferenceUploadPayload(user_errors=user_errors(outcome, "input"))
        return ReferenceUploadPayload(upload=outcome)


def _started(outcome: starting.Outcome) -> StartBatchPayload:
    if isinstance(outcome, list):
        return StartBatchPayload(user_errors=user_errors(outcome, "input"))
    return StartBatchPayload(batch_id=global_id(outcome), batch=row(outcome))


def _generation(id: str, refusals: list[Refusal]) -> GenerationPayload:
    return GenerationPayload(generation=row(read_id(id)), user_errors=user_errors(refusals))
