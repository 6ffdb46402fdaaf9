"""Starting work, each in one transaction: under the viewer's role the rows, under the worker's the job."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from db.generations import generation_columns
from db.session import Record, ReferenceGone, Session
from engine.refusals import Refusal
from engine.words import UserErrorCode
from resolvers.context import Context
from resolvers.idempotency import Once
from resolvers.limits import feed_within_limits, unless_full
from resolvers.ordering import BatchDraft, ImageDraft, draft_batch, draft_image
from resolvers.references import find_reference
from resolvers.regenerating import draft_again
from schema.inputs import GenerateImageInput, RegenerateBatchInput, StartBatchInput

__all__ = ["Outcome", "generate_image", "regenerate_batch", "start_batch"]

D = TypeVar("D", BatchDraft, ImageDraft)
Outcome = UUID | list[Refusal]


async def start_batch(context: Context, asked: StartBatchInput) -> Outcome:
    """The batch's id, or why there is none."""
    reference = await find_reference(context, asked.reference_url)

    async def draft(session: Session) -> BatchDraft | list[Refusal]:
        return await draft_batch(session, asked, context.services, reference)

    return await _accepted(_once(context, ("startBatch", asked), draft, _insert_batch))


async def regenerate_batch(context: Context, asked: RegenerateBatchInput) -> Outcome:
    """The new batch's id, or why there is none."""
    reference = await find_reference(context, asked.reference_url)

    async def draft(session: Session) -> BatchDraft | list[Refusal]:
        return await draft_again(session, asked, context.services, reference)

    return await _accepted(_once(context, ("regenerateBatch", asked), draft, _insert_batch))


async def generate_image(context: Context, asked: GenerateImageInput) -> Outcome:
    """The generation's id, or why there is none."""
    reference = await find_reference(context, asked.reference_url)

    async def draft(session: Session) -> ImageDraft | list[Refusal]:
        return await draft_image(session, asked, context.services, reference)

    return await _accepted(_once(context, ("generateImage", asked), draft, _insert_generation))


async def _once(
    context: Context,
    use: tuple[str, StartBatchInput | RegenerateBatchInput | GenerateImageInput],
    draft: Callable[[Session], Awaitable[D | list[Refusal]]],
    insert: Callable[[Session, D], Awaitable[Record]],
) -> Outcome:
    """Whatever this key began before, else what is drafted now."""
    operation, asked = use
    async with context.session() as session:
        once = Once(
            session=session,
            viewer=context.viewer,
            operation=operation,
            key=asked.idempotency_key,
            input=asked,
        )
        if (earlier := await once.earlier()) is not None:
            return earlier
        drafted = await draft(session)
        if isinstance(drafted, list):
            return drafted
        if (earlier := await once.claim()) is not None:
            return earlier
        row = await insert(session, drafted)
        await feed_within_limits(session, row["user_id"], context.services, ())  # as the worker from here on
        await once.settle(row["id"])
        if drafted.reference_url is not None:
            await session.rows("use_reference", row["user_id"], drafted.reference_url)
    began: UUID = row["id"]
    context.services.hints.tell(began, row["user_id"])
    context.services.traces.began(began)
    return began


async def _accepted(beginning: Awaitable[Outcome]) -> Outcome:
    """What was begun, or why it was undone."""
    try:
        return await unless_full(beginning)
    except ReferenceGone:
        message = "The collection was deleted at this very moment: ask once more."
        return [Refusal(path=(), code=UserErrorCode.CONFLICT, message=message)]


async def _insert_batch(session: Session, draft: BatchDraft) -> Record:
    return await session.one(
        "insert_batch",
        draft.title,
        draft.collection_id,
        draft.model,
        draft.reference_url,
        draft.parameters,
        draft.variables,
        draft.tags,
        draft.total,
        draft.regenerated_from,
        generation_columns(draft.prompts),
        draft.variants,
    )


async def _insert_generation(session: Session, draft: ImageDraft) -> Record:
    return await session.one(
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
