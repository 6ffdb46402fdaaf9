"""Writing: every root field of Mutation. Each is one transaction, whole or not at all."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from db.jobs import feed
from db.session import Session
from engine.refusals import Refusal
from resolvers.context import Context
from resolvers.ordering import BatchDraft, ImageDraft, draft_batch, draft_image
from resolvers.templates import refuse_collection, template_rows
from schema.collection import Collection
from schema.history import Batch, Generation
from schema.inputs import CreateCollectionInput, GenerateImageInput, StartBatchInput
from schema.node import Row
from schema.payloads import CollectionPayload, GenerationPayload, StartBatchPayload, UserError

__all__ = ["Mutation"]

Info = strawberry.Info[Context, None]


@strawberry.type(description="Writing. What the caller can put right comes back in userErrors.")
class Mutation:
    @strawberry.mutation(
        description=("Accepts a whole batch and returns at once; the images are made in the background.")
    )
    async def start_batch(
        self,
        info: Info,
        input: Annotated[StartBatchInput, strawberry.argument(description="What to make.")],
    ) -> StartBatchPayload:
        async with info.context.session() as session:
            draft = await draft_batch(session, input, info.context.services)
            if isinstance(draft, list):
                return StartBatchPayload(user_errors=_user_errors(draft))
            batch = Batch.of(await _start(session, draft))
        return StartBatchPayload(batch_id=batch.id, batch=batch)

    @strawberry.mutation(description="One image outside any batch, as from a single workspace.")
    async def generate_image(
        self,
        info: Info,
        input: Annotated[GenerateImageInput, strawberry.argument(description="What to make.")],
    ) -> GenerationPayload:
        async with info.context.session() as session:
            draft = await draft_image(session, input, info.context.services)
            if isinstance(draft, list):
                return GenerationPayload(user_errors=_user_errors(draft))
            generation = Generation.of(await _generate(session, draft))
        return GenerationPayload(generation=generation)

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


async def _start(session: Session, draft: BatchDraft) -> Row:
    """The batch and its generations as the viewer's, then the one job that expands it as the worker's."""
    batch = await session.one(
        "insert_batch",
        draft.title,
        draft.collection_id,
        draft.model,
        draft.reference_url,
        draft.parameters,
        draft.variables,
        draft.tags,
        len(draft.generations),
    )
    await session.rows("insert_generations", batch["id"], draft.generations)
    await session.become_worker()
    await feed(session, batch["user_id"])
    return batch


async def _generate(session: Session, draft: ImageDraft) -> Row:
    generation = await session.one(
        "insert_generation",
        draft.collection_id,
        draft.reference_url,
        draft.name,
        draft.name,
        draft.prompt,
        draft.model,
        draft.parameters,
        draft.seed,
    )
    await session.become_worker()
    await feed(session, generation["user_id"])
    return generation


def _user_errors(refusals: Iterable[Refusal]) -> list[UserError]:
    return [UserError.of(refusal) for refusal in refusals]
