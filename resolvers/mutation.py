"""Writing: every root field of Mutation. Each is one transaction, whole or not at all."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from engine.refusals import Refusal
from resolvers import control, starting, uploads
from resolvers.context import Context
from resolvers.templates import refuse_collection, template_rows
from schema.collection import Collection
from schema.inputs import (
    CreateCollectionInput,
    GenerateImageInput,
    RegenerateBatchInput,
    StartBatchInput,
)
from schema.node import global_id, read_id
from schema.payloads import (
    BatchPayload,
    CollectionPayload,
    GenerationPayload,
    StartBatchPayload,
    UserError,
)
from schema.uploads import CreateReferenceUploadInput, ReferenceUploadPayload
from schema.words import GenerationErrorCode

__all__ = ["Mutation"]

Info = strawberry.Info[Context, None]
BatchId = Annotated[strawberry.ID, strawberry.argument(description="The batch.")]
GenerationId = Annotated[strawberry.ID, strawberry.argument(description="The generation.")]


@strawberry.type(description="Writing. What the caller can put right comes back in userErrors.")
class Mutation:
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
        return await _batch(info.context, id, await control.retry_batch(info.context, key, codes))

    @strawberry.mutation(description="What waits ends at once; what the provider has is stopped there.")
    async def cancel_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return await _batch(info.context, id, await control.cancel_batch(info.context, read_id(id)))

    @strawberry.mutation(description="Nothing new begins; what the provider has goes on.")
    async def pause_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return await _batch(info.context, id, await control.pause_batch(info.context, read_id(id)))

    @strawberry.mutation(description="Goes on where it was paused.")
    async def resume_batch(self, info: Info, id: BatchId) -> BatchPayload:
        return await _batch(info.context, id, await control.resume_batch(info.context, read_id(id)))

    @strawberry.mutation(description="One image outside any batch, as from a single workspace.")
    async def generate_image(
        self,
        info: Info,
        input: Annotated[GenerateImageInput, strawberry.argument(description="What to make.")],
    ) -> GenerationPayload:
        outcome = await starting.generate_image(info.context, input)
        if isinstance(outcome, list):
            return GenerationPayload(user_errors=_user_errors(outcome))
        return GenerationPayload(generation=await info.context.generation(outcome))

    @strawberry.mutation(
        description=(
            "Queues a failed or canceled generation once more. A picture that could not be saved "
            "(SAVE_FAILED) is saved again, not made again."
        )
    )
    async def retry_generation(self, info: Info, id: GenerationId) -> GenerationPayload:
        refusals = await control.retry_generation(info.context, read_id(id))
        return await _generation(info.context, id, refusals)

    @strawberry.mutation(description="Ends it where it waits; stops it where the provider has it.")
    async def cancel_generation(self, info: Info, id: GenerationId) -> GenerationPayload:
        refusals = await control.cancel_generation(info.context, read_id(id))
        return await _generation(info.context, id, refusals)

    @strawberry.mutation(description="A new collection of prompt templates, the caller's own.")
    async def create_collection(
        self,
        info: Info,
        input: Annotated[CreateCollectionInput, strawberry.argument(description="What it holds.")],
    ) -> CollectionPayload:
        refusals = list(refuse_collection(input, info.context.services.model_names))
        if refusals:
            return CollectionPayload(user_errors=_user_errors(refusals))
        async with info.context.session() as session:
            row = await session.one("insert_collection", input.name, input.description)
            await session.rows("insert_templates", row["id"], template_rows(input.templates))
        return CollectionPayload(collection=Collection.of(row))

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
            return ReferenceUploadPayload(user_errors=_user_errors(outcome))
        return ReferenceUploadPayload(upload=outcome)


def _started(outcome: starting.Outcome) -> StartBatchPayload:
    if isinstance(outcome, list):
        return StartBatchPayload(user_errors=_user_errors(outcome))
    return StartBatchPayload(batch_id=global_id(outcome), key=outcome)


async def _batch(context: Context, id: str, refusals: list[Refusal]) -> BatchPayload:
    return BatchPayload(batch=await context.batch(read_id(id)), user_errors=_user_errors(refusals))


async def _generation(context: Context, id: str, refusals: list[Refusal]) -> GenerationPayload:
    generation = await context.generation(read_id(id))
    return GenerationPayload(generation=generation, user_errors=_user_errors(refusals))


def _user_errors(refusals: Iterable[Refusal]) -> list[UserError]:
    return [UserError.of(refusal) for refusal in refusals]
