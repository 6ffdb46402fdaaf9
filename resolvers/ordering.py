"""From the input of startBatch or generateImage to the plan, collecting every refusal on the way."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry

from db.session import Session
from engine.plan import (
    NAME_RULE,
    PROMPT_RULE,
    BatchOrder,
    BatchPlan,
    PlannedGeneration,
    TemplateDraft,
    plan_batch,
    refuse_model,
)
from engine.refusals import Refusal, TextRule, refuse_object, refuse_reference, refuse_text
from engine.words import UserErrorCode
from resolvers.context import Services
from schema.inputs import (
    CreateCollectionInput,
    GenerateImageInput,
    StartBatchInput,
    TemplateInput,
)
from schema.node import Row, read_id

__all__ = [
    "BatchDraft",
    "ImageDraft",
    "draft_batch",
    "draft_image",
    "generation_rows",
    "refuse_collection",
    "template_rows",
]

TITLE_RULE = TextRule(longest=200)
TAG_RULE = TextRule(longest=50)
DESCRIPTION_RULE = TextRule(longest=2_000, lines=True)
MAX_TAGS = 50
MAX_TEMPLATES = 1_000
NAME_IN_TITLE = 170


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDraft:
    """A batch that can be started where refusals is empty; what is given with it, made good."""

    title: str
    tags: list[str]
    collection_id: UUID | None
    collection_name: str | None
    model: str
    reference_url: str | None
    parameters: dict[str, Any]
    variables: dict[str, Any]
    plan: BatchPlan
    refusals: list[Refusal]


async def draft_batch(session: Session, asked: StartBatchInput, services: Services) -> BatchDraft:
    """Reads the collection under the viewer's role and plans; writes nothing."""
    refusals = list(_refuse_common(asked, services))
    refusals += _refuse_labels(asked)
    collection, missing = await _find_collection(session, asked.collection_id)
    chosen, absent = await _chosen_templates(session, collection, asked.template_ids)
    refusals += missing + absent
    parameters = _object(asked.parameters)
    variables = _object(asked.variables)
    model = asked.model or services.default_model
    plan = plan_batch(
        BatchOrder(
            templates=chosen + _written_templates(asked.templates or []),
            variables=variables,
            parameters=parameters,
            model=model,
            models=_model_names(services),
            variants=1 if asked.variants is None else asked.variants,
            limit=services.max_batch,
        )
    )
    return BatchDraft(
        title=asked.title or _default_title(collection),
        tags=list(dict.fromkeys(asked.tags or [])),
        collection_id=collection["id"] if collection else None,
        collection_name=collection["name"] if collection else None,
        model=model,
        reference_url=asked.reference_url,
        parameters=parameters,
        variables=variables,
        plan=plan,
        refusals=refusals if missing or absent else refusals + plan.refusals,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDraft:
    """A single image that can be made where refusals is empty."""

    collection_id: UUID | None
    reference_url: str | None
    template_name: str
    name: str
    prompt: str
    model: str
    parameters: dict[str, Any]
    seed: int
    refusals: list[Refusal]


async def draft_image(session: Session, asked: GenerateImageInput, services: Services) -> ImageDraft:
    """Reads the collection under the viewer's role; writes nothing."""
    refusals = _refuse_common(asked, services)
    refusals += refuse_text(asked.prompt, ("prompt",), PROMPT_RULE)
    if asked.name is not None:
        refusals += refuse_text(asked.name, ("name",), NAME_RULE)
    model = asked.model or services.default_model
    refusals += refuse_model(model, ("model",), _model_names(services))
    collection, missing = await _find_collection(session, asked.collection_id)
    name = asked.name or _first_words(asked.prompt)
    parameters = _object(asked.parameters)
    return ImageDraft(
        collection_id=collection["id"] if collection else None,
        reference_url=asked.reference_url,
        template_name=name,
        name=name,
        prompt=asked.prompt,
        model=model,
        parameters=parameters,
        seed=_choose_seed(parameters),
        refusals=refusals + missing,
    )


def refuse_collection(asked: CreateCollectionInput, services: Services) -> list[Refusal]:
    """What cannot be stored or could never be started."""
    refusals = list(refuse_text(asked.name, ("name",), NAME_RULE))
    if asked.description is not None:
        refusals += refuse_text(asked.description, ("description",), DESCRIPTION_RULE)
    if not asked.templates:
        message = "A collection needs at least one template."
        refusals.append(Refusal(path=("templates",), code=UserErrorCode.REQUIRED, message=message))
    refusals += _refuse_templates(asked.templates)
    models = _model_names(services)
    for template in _written_templates(asked.templates):
        refusals += refuse_text(template.name, (*template.path, "name"), NAME_RULE)
        refusals += refuse_text(template.prompt, (*template.path, "prompt"), PROMPT_RULE)
        if template.model is not None:
            refusals += refuse_model(template.model, (*template.path, "model"), models)
    return refusals


def template_rows(templates: Sequence[TemplateInput]) -> list[dict[str, Any]]:
    """The rows of a collection's templates, in order, as JSON."""
    return [
        {
            "name": template.name,
            "prompt": template.prompt,
            "model": template.model,
            "parameters": template.parameters or {},
        }
        for template in templates
    ]


def _refuse_common(asked: Any, services: Services) -> list[Refusal]:
    """What startBatch and generateImage check alike: the reference image and the parameters."""
    refusals: list[Refusal] = []
    if asked.reference_url is not None:
        refusals += refuse_reference(
            asked.reference_url, ("referenceUrl",), loopback=services.loopback_references
        )
    for name in ("parameters", "variables"):
        value = getattr(asked, name, None)
        if value is not None:
            refusals += refuse_object(value, (name,))
    return refusals


async def _find_collection(session: Session, id: strawberry.ID | None) -> tuple[Row | None, list[Refusal]]:
    """The collection as the viewer sees it; a refusal where there is none to see."""
    if id is None:
        return None, []
    key = read_id(id)
    rows = await session.rows("collections_by_id", [key]) if key else []
    if rows:
        return rows[0], []
    return None, [_not_found(("collectionId",), "There is no such collection.")]


def generation_rows(draft: BatchDraft) -> list[dict[str, Any]]:
    """The rows of a batch's generations, in order, as JSON."""
    return [_generation_row(draft, planned) for planned in draft.plan.generations]


def _generation_row(draft: BatchDraft, planned: PlannedGeneration) -> dict[str, Any]:
    template = planned.template_name
    collection = draft.collection_name
    return {
        "position": planned.position,
        "template_id": planned.template_id,
        "template_name": template,
        "name": f"{collection} - {template}" if collection else template,
        "prompt": planned.prompt,
        "model": planned.model,
        "parameters": planned.parameters,
        "seed": _choose_seed(planned.parameters),
    }


def _choose_seed(parameters: dict[str, Any]) -> int:
    """The seed asked for, else a random one: it is stored either way, so that work can be repeated."""
    asked = parameters.get("seed")
    if isinstance(asked, int) and not isinstance(asked, bool) and 0 <= asked < 2**63:
        return asked
    return secrets.randbelow(2**31)


def _refuse_labels(asked: StartBatchInput) -> list[Refusal]:
    refusals: list[Refusal] = []
    if asked.title is not None:
        refusals += refuse_text(asked.title, ("title",), TITLE_RULE)
    tags = asked.tags or []
    if len(tags) > MAX_TAGS:
        refusals.append(_too_many(("tags",), len(tags), MAX_TAGS))
    for place, tag in enumerate(tags[:MAX_TAGS]):
        refusals += refuse_text(tag, ("tags", str(place)), TAG_RULE)
    return refusals + _refuse_templates(asked.templates or [])


def _refuse_templates(templates: Sequence[TemplateInput]) -> list[Refusal]:
    """How many there are and what parameters they have; the plan checks the rest."""
    refusals: list[Refusal] = []
    if len(templates) > MAX_TEMPLATES:
        refusals.append(_too_many(("templates",), len(templates), MAX_TEMPLATES))
    for place, template in enumerate(templates[:MAX_TEMPLATES]):
        if template.parameters is not None:
            path = ("templates", str(place), "parameters")
            refusals += refuse_object(template.parameters, path)
    return refusals


async def _chosen_templates(
    session: Session, collection: Row | None, ids: Sequence[strawberry.ID] | None
) -> tuple[list[TemplateDraft], list[Refusal]]:
    """The collection's templates in its order, all of them or those named."""
    if collection is None:
        refusal = _not_found(("templateIds",), "templateIds needs a collectionId.")
        return [], [refusal] if ids else []
    rows = await session.rows("templates_of_collections", [collection["id"]])
    drafts = [_collection_template(row) for row in rows]
    if ids is None:
        return drafts, []
    wanted = {read_id(id) for id in ids}
    known = {draft.id for draft in drafts}
    refusals = [
        _not_found(("templateIds", str(place)), "The collection has no such template.")
        for place, id in enumerate(ids)
        if read_id(id) not in known
    ]
    return [draft for draft in drafts if draft.id in wanted], refusals


def _collection_template(row: Row) -> TemplateDraft:
    return TemplateDraft(
        id=row["id"],
        name=row["name"],
        prompt=row["prompt"],
        model=row["model"],
        parameters=row["parameters"],
        path=("collectionId", row["name"]),
    )


def _written_templates(templates: Sequence[TemplateInput]) -> list[TemplateDraft]:
    return [
        TemplateDraft(
            name=template.name,
            prompt=template.prompt,
            model=template.model,
            parameters=_object(template.parameters),
            path=("templates", str(place)),
        )
        for place, template in enumerate(templates[:MAX_TEMPLATES])
    ]


def _default_title(collection: Row | None) -> str:
    name = collection["name"][:NAME_IN_TITLE] if collection else "Batch"
    return f"{name}, {datetime.now(UTC):%Y-%m-%d %H:%M}"


def _object(value: Any) -> dict[str, Any]:
    """What is no object was refused already."""
    return value if isinstance(value, dict) else {}


def _first_words(prompt: str) -> str:
    words = " ".join(prompt.split()[:8])[:100]
    return words or "Image"


def _model_names(services: Services) -> frozenset[str]:
    return frozenset(model.name for model in services.models)


def _not_found(path: tuple[str, ...], message: str) -> Refusal:
    return Refusal(path=path, code=UserErrorCode.NOT_FOUND, message=message)


def _too_many(path: tuple[str, ...], count: int, most: int) -> Refusal:
    return Refusal(
        path=path,
        code=UserErrorCode.TOO_MANY,
        message=f"{path[-1]} has {count:,} entries; at most {most:,} are allowed.",
    )
