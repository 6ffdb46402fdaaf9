"""What startBatch would do, by the same code, and nothing done."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import count
from typing import Any, cast

from db.session import Session
from engine.refusals import Refusal
from resolvers.context import Context
from resolvers.faults import Fault, unauthenticated
from resolvers.idempotency import Once
from resolvers.limits import refuse_queued
from resolvers.ordering import BatchDraft, draft_batch
from resolvers.references import Reference, find_reference
from schema.inputs import StartBatchInput
from schema.payloads import user_errors
from schema.preview import BatchPreview, BatchPreviewItem

__all__ = ["preview_batch"]

AT_ONCE = 100
"""Items made and rendered without letting anybody else in, some 4 ms."""


async def preview_batch(context: Context, asked: StartBatchInput) -> BatchPreview:
    """Raises Fault for a caller without a token, and where one request previews too much."""
    if context.viewer.user_id is None:
        raise unauthenticated()
    reference = await find_reference(context, asked.reference_url)
    async with context.session() as session:
        drafted = await _draft(context, session, asked, reference)
    if isinstance(drafted, list):
        return BatchPreview(total=0, user_errors=user_errors(drafted, "input"), each=partial(_in_turn, None))
    total = drafted.total if drafted else 0
    context.previewed += total
    if context.previewed > context.services.max_batch:
        raise Fault("DOCUMENT_TOO_LARGE", "One request may preview one largest batch, and no more.")
    return BatchPreview(total=total, each=partial(_in_turn, drafted))


async def _draft(
    context: Context, session: Session, asked: StartBatchInput, reference: Reference
) -> BatchDraft | list[Refusal] | None:
    """As startBatch goes about it; None where the key has begun a batch, and nothing more would be done."""
    once = Once(
        session=session,
        viewer=context.viewer,
        operation="startBatch",
        key=asked.idempotency_key,
        input=asked,
    )
    if (earlier := await once.earlier()) is not None:
        return earlier if isinstance(earlier, list) else None
    drafted = await draft_batch(session, asked, context.services, reference)
    if isinstance(drafted, list):
        return drafted
    usage = await session.one("usage", context.viewer.user_id)
    return refuse_queued(usage["queued"] + drafted.total, context.services, ()) or drafted


async def _in_turn(draft: BatchDraft | None) -> AsyncIterator[BatchPreviewItem]:
    for item in _items(draft) if draft else ():
        if item.position % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        yield item


def _items(draft: BatchDraft) -> Iterator[BatchPreviewItem]:
    """As insert_batch puts them in."""
    position = count()
    for each in draft.prompts:
        for _ in range(draft.variants):
            yield BatchPreviewItem(
                position=next(position),
                template_name=each.template_name,
                prompt=each.prompt,
                model=each.model or draft.model,
                parameters=cast("Any", draft.parameters if each.parameters is None else each.parameters),
            )
