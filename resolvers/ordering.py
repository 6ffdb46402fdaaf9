"""From the input of startBatch or generateImage to what is written, collecting every refusal on the way."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry

from db.session import Record, Session
from engine.columns import Columns
from engine.ids import read_id
from engine.plan import (
    NAME_RULE,
    PROMPT_RULE,
    BatchOrder,
    PlannedPrompt,
    TemplateDraft,
    asked_seed,
    plan_batch,
    refuse_model,
)
from engine.refusals import (
    Refusal,
    TextRule,
    not_found,
    refuse_object,
    refuse_text,
)
from engine.tags import refuse_tags, tidy_tags
from engine.words import UserErrorCode
from resolvers.context import Services
from resolvers.references import Reference
from resolvers.templates import json_object, kept_templates, refuse_templates, written_templates
from schema.inputs import GenerateImageInput, RegenerateBatchInput, StartBatchInput

__all__ = [
    "BatchDraft",
    "ImageDraft",
    "draft_batch",
    "draft_image",
    "refuse_common",
    "refuse_title",
]

TITLE_RULE = TextRule(longest=200)
NAME_IN_TITLE = 170
WORDS_IN_NAME = 8
CHARACTERS_IN_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDraft:
    """A batch as it will be written.

    Each prompt makes as many images as there are variants.
    """

    title: str
    tags: list[str]
    collection_id: UUID | None
    model: str
    reference_url: str | None
    parameters: dict[str, Any]
    variables: dict[str, Any]
    total: int
    prompts: Collection[PlannedPrompt]
    variants: int = 1
    regenerated_from: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDraft:
    """A single image as it will be written."""

    collection_id: UUID | None
    reference_url: str | None
    name: str
    prompt: str
    model: str
    parameters: dict[str, Any]
    seed: int | None


async def draft_batch(
    session: Session, asked: StartBatchInput, services: Services, reference: Reference
) -> BatchDraft | list[Refusal]:
    """Reads the collection under the viewer's role and plans; writes nothing."""
    refusals = [*refuse_common(asked, reference), *_refuse_batch(asked)]
    collection = await _collection(session, asked.collection_id)
    templates, absent = await _templates(session, asked, collection)
    if refusals or absent:
        return refusals + absent
    order = _order(asked, templates, collection, services)
    plan = plan_batch(order)
    if plan.refusals:
        return plan.refusals
    return BatchDraft(
        title=asked.title or _default_title(collection),
        tags=tidy_tags(asked.tags or []),
        collection_id=collection["id"] if collection else None,
        model=order.model,
        reference_url=reference.address,
        parameters=json_object(asked.parameters),
        variables=json_object(asked.variables),
        total=plan.total,
        prompts=plan.prompts,
        variants=plan.variants,
    )


async def draft_image(
    session: Session, asked: GenerateImageInput, services: Services, reference: Reference
) -> ImageDraft | list[Refusal]:
    """Reads the collection under the viewer's role; writes nothing."""
    model = _model(asked, services)
    refusals = [
        *refuse_common(asked, reference),
        *refuse_text(asked.prompt, ("prompt",), PROMPT_RULE),
        *([] if asked.name is None else refuse_text(asked.name, ("name",), NAME_RULE)),
        *refuse_model(model, ("model",), services.model_names),
    ]
    collection = await _collection(session, asked.collection_id)
    if asked.collection_id is not None and collection is None:
        refusals.append(_no_collection())
    if refusals:
        return refusals
    parameters = json_object(asked.parameters)
    return ImageDraft(
        collection_id=collection["id"] if collection else None,
        reference_url=reference.address,
        name=asked.name or _first_words(asked.prompt),
        prompt=asked.prompt,
        model=model,
        parameters=parameters,
        seed=asked_seed(parameters),
    )


def refuse_common(
    asked: StartBatchInput | GenerateImageInput | RegenerateBatchInput, reference: Reference
) -> Iterator[Refusal]:
    """What all that starts work checks alike."""
    yield from reference.refusals
    if asked.parameters is not None:
        yield from refuse_object(asked.parameters, ("parameters",))


def refuse_title(title: str | None) -> Iterator[Refusal]:
    if title is not None:
        yield from refuse_text(title, ("title",), TITLE_RULE)


def _refuse_batch(asked: StartBatchInput) -> Iterator[Refusal]:
    """What can be said without the collection; the plan checks the rest."""
    yield from refuse_title(asked.title)
    yield from refuse_tags(asked.tags or [])
    yield from refuse_templates(asked.templates or [])
    if asked.variables is not None:
        yield from refuse_object(asked.variables, ("variables",))


async def _collection(session: Session, id: strawberry.ID | None) -> Record | None:
    """The collection as the viewer sees it; None where there is none to see."""
    key = read_id(id) if id is not None else None
    return await session.row("collections_by_id", [key]) if key else None


async def _templates(
    session: Session, asked: StartBatchInput, collection: Record | None
) -> tuple[Columns[TemplateDraft], list[Refusal]]:
    """The collection's templates, then those written on the spot."""
    written = written_templates(asked.templates or [])
    if collection is not None:
        kept, absent = await kept_templates(session, collection, asked.template_ids)
        return kept + written, absent
    if asked.collection_id is not None:
        return written, [_no_collection()]
    if asked.template_ids:
        message = "templateIds are of a collection: name it."
        return written, [Refusal(path=("collectionId",), code=UserErrorCode.REQUIRED, message=message)]
    return written, []


def _order(
    asked: StartBatchInput, templates: Columns[TemplateDraft], collection: Record | None, services: Services
) -> BatchOrder:
    return BatchOrder(
        templates=templates,
        variables=json_object(asked.variables),
        parameters=json_object(asked.parameters),
        model=_model(asked, services),
        models=services.model_names,
        variants=1 if asked.variants is None else asked.variants,
        limit=services.max_batch,
        collection=collection["name"] if collection else None,
    )


def _model(asked: StartBatchInput | GenerateImageInput, services: Services) -> str:
    return services.default_model if asked.model is None else asked.model


def _default_title(collection: Record | None) -> str:
    name = collection["name"][:NAME_IN_TITLE] if collection else "Batch"
    return f"{name}, {datetime.now(UTC):%Y-%m-%d %H:%M}"


def _first_words(prompt: str) -> str:
    return " ".join(prompt.split()[:WORDS_IN_NAME])[:CHARACTERS_IN_NAME]


def _no_collection() -> Refusal:
    return not_found(("collectionId",), "There is no such collection.")
