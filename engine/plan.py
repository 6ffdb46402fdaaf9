"""The plan of a batch: templates x variables x variants, in order, or refusals. Pure."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from engine.refusals import Refusal, TextRule, all_good, not_found, refuse_text
from engine.words import UserErrorCode

__all__ = [
    "NAME_RULE",
    "PROMPT_RULE",
    "BatchOrder",
    "BatchPlan",
    "PlannedTemplate",
    "TemplateDraft",
    "plan_batch",
    "refuse_model",
    "refuse_template",
]

MAX_VARIANTS = 100
MOST_CHARACTERS = 20_000_000
"""In all prompts and parameters of a batch, which are one statement."""
NAME_RULE = TextRule(longest=200)
PROMPT_RULE = TextRule(longest=10_000, lines=True)
VALUES = {str, int, float}
"""What a variable stands for; a bool is none of them."""
AT_ONCE = 100
VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class TemplateDraft(NamedTuple):
    """A template as the plan needs it; path is its place in the input, for refusals."""

    name: str
    prompt: str
    path: tuple[str, ...]
    id: UUID | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """All that a plan follows from. models are the names that can be asked for."""

    templates: Sequence[TemplateDraft]
    variables: Mapping[str, Any]
    parameters: Mapping[str, Any]
    model: str
    models: frozenset[str]
    variants: int
    limit: int


class PlannedTemplate(NamedTuple):
    """The images of one template: its prompts in order, and what they have in common.

    parameters are None where they are the batch's own.
    """

    template: TemplateDraft
    parameters: Mapping[str, Any] | None
    prompts: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What startBatch does: total counts every image, templates is empty where refused.

    Each prompt makes as many images, one after the other, as there are variants.
    """

    total: int
    variants: int
    templates: list[PlannedTemplate]
    refusals: list[Refusal]


def plan_batch(order: BatchOrder) -> BatchPlan:
    """Template by template, then each combination of variables, then each variant."""
    refusals = list(_refusals(order))
    if refusals:
        return _refused(order, 0, refusals)
    total = _count(order)
    if total > order.limit:
        return _refused(order, total, [_too_many(total, order.limit)])
    templates, refusals = _written(order)
    return BatchPlan(total=total, variants=order.variants, templates=templates, refusals=refusals)


def _refused(order: BatchOrder, total: int, refusals: list[Refusal]) -> BatchPlan:
    return BatchPlan(total=total, variants=order.variants, templates=[], refusals=refusals)


def _refusals(order: BatchOrder) -> Iterator[Refusal]:
    if not order.templates:
        yield Refusal(
            path=("templates",),
            code=UserErrorCode.REQUIRED,
            message="A batch needs at least one template: a collection's or one of its own.",
        )
    if not 1 <= order.variants <= MAX_VARIANTS:
        yield Refusal(
            path=("variants",),
            code=UserErrorCode.INVALID,
            message=f"variants is from 1 to {MAX_VARIANTS}, not {order.variants}.",
        )
    yield from refuse_model(order.model, ("model",), order.models)
    if not _all_fine(order):
        for template in order.templates:
            yield from refuse_template(template, order.models)
    yield from _variable_refusals(order.variables)
    for name, template in _first_uses(order.templates).items():
        if name not in order.variables:
            yield Refusal(
                path=("variables", name),
                code=UserErrorCode.REQUIRED,
                message=f'The template "{template.name}" needs a value for {{{{{name}}}}}.',
            )


def _all_fine(order: BatchOrder) -> bool:
    """Whether no template is refused, beyond doubt: there may be a thousand."""
    return (
        all_good([template.name for template in order.templates], NAME_RULE)
        and all_good([template.prompt for template in order.templates], PROMPT_RULE)
        and {template.model for template in order.templates} <= {None, *order.models}
    )


def refuse_template(template: TemplateDraft, models: frozenset[str]) -> Iterator[Refusal]:
    """Nothing for a template that can be kept and, with values for its variables, started."""
    yield from refuse_text(template.name, (*template.path, "name"), NAME_RULE)
    yield from refuse_text(template.prompt, (*template.path, "prompt"), PROMPT_RULE)
    if template.model is not None:
        yield from refuse_model(template.model, (*template.path, "model"), models)


def refuse_model(model: str, path: tuple[str, ...], models: frozenset[str]) -> Iterator[Refusal]:
    """Nothing for a model that can be asked for."""
    if model not in models:
        yield not_found(
            path, f'There is no model "{model[:200]}" here; the field models lists those there are.'
        )


def _variable_refusals(variables: Mapping[str, Any]) -> Iterator[Refusal]:
    for name, value in variables.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            yield Refusal(
                path=("variables", name),
                code=UserErrorCode.REQUIRED,
                message=f"The list of values for {{{{{name}}}}} is empty.",
            )
        if not set(map(type, values)) <= VALUES:
            yield Refusal(
                path=("variables", name),
                code=UserErrorCode.INVALID,
                message=f"{{{{{name}}}}} takes a text, a number, or a list of them.",
            )
        texts = [each for each in values if isinstance(each, str)]
        if not all_good(texts, PROMPT_RULE):
            for text in texts:
                yield from refuse_text(text, ("variables", name), PROMPT_RULE)


def _too_many(total: int, limit: int) -> Refusal:
    return Refusal(
        path=(),
        code=UserErrorCode.LIMIT_REACHED,
        message=f"This batch would have {total:,} images; at most {limit:,} are allowed.",
    )


def _too_much() -> Refusal:
    return Refusal(
        path=(),
        code=UserErrorCode.LIMIT_REACHED,
        message=f"The prompts and parameters of this batch exceed {MOST_CHARACTERS:,} characters.",
    )


def _count(order: BatchOrder) -> int:
    return sum(_combination_count(each, order) for each in order.templates) * order.variants


def _combination_count(template: TemplateDraft, order: BatchOrder) -> int:
    count = 1
    for name in _names(template.prompt):
        value = order.variables[name]
        count *= len(value) if isinstance(value, list) else 1
    return count


def _written(order: BatchOrder) -> tuple[list[PlannedTemplate], list[Refusal]]:
    """Some at a time, up to the first that is refused: filled in, one may be a thousand times as long."""
    written: list[PlannedTemplate] = []
    characters = 0
    common = len(json.dumps(order.parameters))
    for planned in _planned(order):
        size = len(json.dumps(planned.parameters)) if planned.parameters else common
        for prompts in _filled(planned.template.prompt, order.variables):
            if refusals := _refuse_filled(prompts, planned.template):
                return [], refusals
            characters += (sum(map(len, prompts)) + len(prompts) * size) * order.variants
            if characters > MOST_CHARACTERS:
                return [], [_too_much()]
            planned.prompts.extend(prompts)
        written.append(planned)
    return written, []


def _refuse_filled(prompts: Sequence[str], template: TemplateDraft) -> list[Refusal]:
    """The first of them; a prompt that nothing was filled into has been judged with its template."""
    if "{{" not in template.prompt or all_good(prompts, PROMPT_RULE):
        return []
    judged = (refuse_text(prompt, ("variables",), PROMPT_RULE) for prompt in prompts)
    return next(filter(None, judged), [])


def _planned(order: BatchOrder) -> Iterator[PlannedTemplate]:
    """Without their prompts."""
    for template in order.templates:
        own = template.parameters
        parameters = {**order.parameters, **own} if own else None
        yield PlannedTemplate(template, parameters, [])


def _filled(prompt: str, variables: Mapping[str, Any]) -> Iterator[list[str]]:
    """The prompt with each combination of values, some at a time; no value is looked into for variables."""
    names = _names(prompt)
    if not names:
        return iter([[prompt]])
    choices = [v if isinstance(v := variables[name], list) else [v] for name in names]
    filled = itertools.starmap(_form(prompt, names).format, itertools.product(*choices))
    return iter(lambda: list(itertools.islice(filled, AT_ONCE)), [])


def _form(prompt: str, names: Sequence[str]) -> str:
    """The prompt as str.format takes it, each variable by its place among the names."""
    pieces = VARIABLE.split(prompt)
    pieces[::2] = [text.replace("{", "{{").replace("}", "}}") for text in pieces[::2]]
    pieces[1::2] = [f"{{{names.index(name)}}}" for name in pieces[1::2]]
    return "".join(pieces)


def _names(prompt: str) -> list[str]:
    """The variables of a prompt in order of appearance, each once."""
    return list(dict.fromkeys(VARIABLE.findall(prompt))) if "{{" in prompt else []


def _first_uses(templates: Sequence[TemplateDraft]) -> dict[str, TemplateDraft]:
    """Each variable with the first template that uses it."""
    uses: dict[str, TemplateDraft] = {}
    for template in templates:
        for name in _names(template.prompt):
            uses.setdefault(name, template)
    return uses
