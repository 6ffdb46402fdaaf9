"""A new batch from an old one: all of it, or a part, with what is named in the input changed."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from db.session import Record, Session
from engine.ids import read_id
from engine.plan import PlannedPrompt, asked_seed, refuse_model
from engine.refusals import Refusal, not_found
from engine.words import GenerationStatus
from resolvers.context import Services
from resolvers.locks import absent, conflict, in_trash
from resolvers.ordering import BatchDraft, refuse_common, refuse_title
from resolvers.references import Reference
from resolvers.templates import json_object
from schema.inputs import RegenerateBatchInput

__all__ = ["draft_again"]

UNSUCCESSFUL = (GenerationStatus.FAILED.value, GenerationStatus.CANCELED.value)


async def draft_again(
    session: Session, asked: RegenerateBatchInput, services: Services, reference: Reference
) -> BatchDraft | list[Refusal]:
    """Reads the old batch under the viewer's role; writes nothing."""
    key = read_id(asked.batch_id)
    batch = await session.row("batches_by_id", [key]) if key else None
    if batch is None:
        return [absent("batch", ("batchId",))]
    if batch["deleted_at"]:
        return [in_trash("batch", ("batchId",))]
    generations = await session.rows("generations_to_repeat", key)
    chosen, unknown = _chosen(generations, asked)
    refusals = [*_refuse(asked, services, reference), *unknown]
    if refusals:
        return refusals
    if not chosen:
        return [conflict("There is nothing in this batch to be made again.", ("batchId",))]
    parameters = json_object(asked.parameters)
    return BatchDraft(
        title=asked.title or batch["title"],
        tags=batch["tags"],
        collection_id=batch["collection_id"],
        model=asked.model or batch["model"],
        reference_url=reference.address or batch["reference_key"] or batch["reference_url"],
        parameters={**batch["parameters"], **parameters},
        variables=batch["variables"],
        total=len(chosen),
        prompts=[_again(row, model=asked.model, parameters=parameters) for row in chosen],
        regenerated_from=key,
    )


def _refuse(asked: RegenerateBatchInput, services: Services, reference: Reference) -> Iterator[Refusal]:
    yield from refuse_common(asked, reference)
    yield from refuse_title(asked.title)
    if asked.model is not None:
        yield from refuse_model(asked.model, ("model",), services.model_names)


def _chosen(generations: Sequence[Record], asked: RegenerateBatchInput) -> tuple[list[Record], list[Refusal]]:
    """Those named, or all; of them only what did not succeed, where that is asked for."""
    known = {row["id"] for row in generations}
    named = [read_id(each) for each in asked.generation_ids or []]
    unknown = [
        not_found(("generationIds", str(place)), "The batch has no such generation.")
        for place, key in enumerate(named)
        if key not in known
    ]
    wanted: set[UUID | None] = set(named) or set(known)
    chosen = [row for row in generations if row["id"] in wanted]
    if asked.only_failed:
        chosen = [row for row in chosen if row["status"] in UNSUCCESSFUL]
    return chosen, unknown


def _again(row: Record, *, model: str | None, parameters: dict[str, Any]) -> PlannedPrompt:
    changed = {**row["parameters"], **parameters}
    return PlannedPrompt(
        row["template_name"],
        row["prompt"],
        row["template_id"],
        row["name"],
        model or row["model"],
        changed,
        asked_seed(changed),
    )
