"""Templates: handed in or kept in a collection, what is refused about them, what becomes of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import strawberry

from db.session import Record, Session
from engine.columns import Columns
from engine.ids import read_id
from engine.plan import NAME_RULE, TemplateDraft, refuse_template
from engine.refusals import Refusal, TextRule, not_found, refuse_count, refuse_object, refuse_text
from engine.words import UserErrorCode
from schema.inputs import CreateCollectionInput, GivenTemplate, UpdateCollectionInput

__all__ = [
    "json_object",
    "kept_templates",
    "refuse_collection",
    "refuse_templates",
    "template_rows",
    "written_templates",
]

DESCRIPTION_RULE = TextRule(longest=2_000, lines=True, optional=True)
MAX_TEMPLATES = 1_000
PATHS = tuple(("templates", str(place)) for place in range(MAX_TEMPLATES))


def refuse_collection(
    asked: CreateCollectionInput | UpdateCollectionInput, models: frozenset[str]
) -> Iterator[Refusal]:
    """What cannot be stored or could never be started; nothing of what an update leaves as it is."""
    if asked.name is not None:
        yield from refuse_text(asked.name, ("name",), NAME_RULE)
    if asked.description is not None:
        yield from refuse_text(asked.description, ("description",), DESCRIPTION_RULE)
    if asked.templates is not None:
        yield from _refuse_kept(asked.templates, models)


def _refuse_kept(templates: Sequence[GivenTemplate], models: frozenset[str]) -> Iterator[Refusal]:
    if not templates:
        message = "A collection needs at least one template."
        yield Refusal(path=("templates",), code=UserErrorCode.REQUIRED, message=message)
    yield from refuse_templates(templates)
    for template in written_templates(templates):
        yield from refuse_template(template, models)


def refuse_templates(templates: Sequence[GivenTemplate]) -> Iterator[Refusal]:
    """How many there are and what parameters they have; refuse_template checks the rest."""
    yield from refuse_count(len(templates), ("templates",), most=MAX_TEMPLATES)
    for place, template in enumerate(templates[:MAX_TEMPLATES]):
        if (parameters := template.get("parameters")) is not None:
            yield from refuse_object(parameters, (*PATHS[place], "parameters"))


def written_templates(templates: Sequence[GivenTemplate]) -> Columns[TemplateDraft]:
    """Those of the input that refuse_templates let pass, as the plan needs them."""
    given = templates[:MAX_TEMPLATES]
    models = [each.get("model") for each in given]
    parameters = [each.get("parameters") for each in given]
    return Columns(
        TemplateDraft,
        len(given),
        name=[each["name"] for each in given],
        prompt=[each["prompt"] for each in given],
        path=PATHS[: len(given)],
        model=models if models.count(None) < len(models) else (),
        parameters=[each or {} for each in parameters] if any(parameters) else (),
    )


async def kept_templates(
    session: Session, collection: Record, ids: Sequence[strawberry.ID] | None
) -> tuple[Columns[TemplateDraft], list[Refusal]]:
    """The collection's, in its own order: all of them or those named."""
    rows = await session.rows("templates_of_collections", [collection["id"]])
    drafts = {row["id"]: _kept_template(row) for row in rows}
    if ids is None:
        return Columns.of(TemplateDraft, drafts.values()), []
    named = [read_id(id) for id in ids]
    absent = [
        not_found(("templateIds", str(place)), "The collection has no such template.")
        for place, key in enumerate(named)
        if key not in drafts
    ]
    wanted = set(named)
    chosen = [draft for key, draft in drafts.items() if key in wanted]
    return Columns.of(TemplateDraft, chosen), absent


def template_rows(templates: Sequence[GivenTemplate]) -> list[dict[str, Any]]:
    """The rows of a collection's templates, in order, as JSON."""
    return [
        {
            "name": template["name"],
            "prompt": template["prompt"],
            "model": template.get("model"),
            "parameters": json_object(template.get("parameters")),
        }
        for template in templates
    ]


def json_object(value: Any) -> dict[str, Any]:
    """What refuse_object let pass; empty for null, and for what it did not."""
    return value if isinstance(value, dict) else {}


def _kept_template(row: Record) -> TemplateDraft:
    return TemplateDraft(
        id=row["id"],
        name=row["name"],
        prompt=row["prompt"],
        model=row["model"],
        parameters=row["parameters"],
        path=("collectionId", row["name"]),
    )
