"""The plan of a batch: templates x variables x variants, in order, or refusals. Pure."""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product, repeat, starmap
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from engine.columns import Columns
from engine.refusals import Refusal, TextRule, all_good, not_found, refuse_text, too_long
from engine.words import UserErrorCode

__all__ = [
    "NAME_RULE",
    "PROMPT_RULE",
    "BatchOrder",
    "BatchPlan",
    "PlannedPrompt",
    "TemplateDraft",
    "asked_seed",
    "plan_batch",
    "refuse_model",
    "refuse_template",
]

MAX_VARIANTS = 100
MOST_CHARACTERS = 20_000_000
"""In all prompts and parameters of a batch, which are one statement."""
NAME_RULE = TextRule(longest=200)
PROMPT_RULE = TextRule(longest=10_000, lines=True)
Texts: TypeAlias = Mapping[str, Sequence[str]]
Uses: TypeAlias = Mapping[int, Sequence[str]]
"""The variables of the prompts that have any, by the template's place."""
VALUES = {str, int, float}
"""What a variable stands for; a bool is none of them."""
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
    """All that a plan follows from. models are the names that can be asked for; an image is called after the
    collection as well, where there is one.
    """

    templates: Columns[TemplateDraft]
    variables: Mapping[str, Any]
    parameters: Mapping[str, Any]
    model: str
    models: frozenset[str]
    variants: int
    limit: int
    collection: str | None = None


class PlannedPrompt(NamedTuple):
    """The images of one prompt.

    None is, for the name, the template's; for model and parameters, the batch's; for the seed, one
    drawn for each image.
    """

    template_name: str
    prompt: str
    template_id: UUID | None = None
    name: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What startBatch does: total counts every image, prompts is empty where refused.

    Each prompt makes as many images, one after the other, as there are variants.
    """

    total: int
    variants: int
    prompts: Collection[PlannedPrompt]
    refusals: list[Refusal]


def plan_batch(order: BatchOrder) -> BatchPlan:
    """Template by template, then each combination of variables, then each variant."""
    uses = _uses(order.templates.column("prompt"))
    refusals = list(_refusals(order, uses))
    if refusals:
        return _refused(order, 0, refusals)
    texts = _texts(order.variables)
    extent = _extent(order, uses, texts)
    total = extent.prompts * order.variants
    if refusals := list(_excess(order, extent)):
        return _refused(order, total, refusals)
    prompts = _planned(order, uses, texts)
    return BatchPlan(total=total, variants=order.variants, prompts=prompts, refusals=[])


def _refused(order: BatchOrder, total: int, refusals: list[Refusal]) -> BatchPlan:
    return BatchPlan(total=total, variants=order.variants, prompts=[], refusals=refusals)


def _refusals(order: BatchOrder, uses: Uses) -> Iterator[Refusal]:
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
    for name, place in _first_uses(uses).items():
        if name not in order.variables:
            user = order.templates.column("name")[place]
            yield Refusal(
                path=("variables", name),
                code=UserErrorCode.REQUIRED,
                message=f'The template "{user}" needs a value for {{{{{name}}}}}.',
            )


def _all_fine(order: BatchOrder) -> bool:
    """Whether no template is refused, beyond doubt: there may be a thousand."""
    return (
        all_good(order.templates.column("name"), NAME_RULE)
        and all_good(order.templates.column("prompt"), PROMPT_RULE)
        and set(order.templates.column("model")) <= {None, *order.models}
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
        kinds = set(map(type, values))
        if not kinds <= VALUES:
            yield Refusal(
                path=("variables", name),
                code=UserErrorCode.INVALID,
                message=f"{{{{{name}}}}} takes a text, a number, or a list of them.",
            )
        texts = [each for each in values if isinstance(each, str)] if str in kinds else []
        if not all_good(texts, PROMPT_RULE):
            for text in texts:
                yield from refuse_text(text, ("variables", name), PROMPT_RULE)


class Extent(NamedTuple):
    """What is written once all is filled in: how many prompts, the longest, and all characters."""

    prompts: int
    longest: int
    characters: int


def _excess(order: BatchOrder, extent: Extent) -> Iterator[Refusal]:
    """Told before anything is filled in, which may be a thousand times as long."""
    total = extent.prompts * order.variants
    if total > order.limit:
        yield _beyond(f"This batch would have {total:,} images; at most {order.limit:,} are allowed.")
    elif extent.longest > PROMPT_RULE.longest:
        yield too_long(extent.longest, ("variables",), PROMPT_RULE)
    elif extent.characters * order.variants > MOST_CHARACTERS:
        yield _beyond(f"The prompts and parameters of this batch exceed {MOST_CHARACTERS:,} characters.")


def _beyond(message: str) -> Refusal:
    return Refusal(path=(), code=UserErrorCode.LIMIT_REACHED, message=message)


def _extent(order: BatchOrder, uses: Uses, texts: Texts) -> Extent:
    """Of the whole batch; the templates that nothing is done to, maybe a thousand, are weighed at once."""
    all_prompts, parameters = order.templates.column("prompt"), order.templates.column("parameters")
    others = uses.keys() | {place for place, own in enumerate(order.templates.given("parameters")) if own}
    extents = [
        _extent_of(all_prompts[place], {**order.parameters, **parameters[place]}, texts) for place in others
    ]
    common = len(json.dumps(order.parameters))
    plain = len(order.templates) - len(others)
    characters = sum(map(len, all_prompts)) - sum(len(all_prompts[place]) for place in others)
    prompts, longest, filled = zip(*extents, Extent(plain, 0, characters + plain * common), strict=True)
    return Extent(sum(prompts), max(longest), sum(filled))


def _extent_of(prompt: str, parameters: Mapping[str, Any], texts: Texts) -> Extent:
    lengths = {name: list(map(len, texts[name])) for name in _names(prompt)}
    prompts = math.prod(map(len, lengths.values()))
    longest = len(VARIABLE.sub("", prompt))
    characters = longest * prompts
    for name in VARIABLE.findall(prompt):
        longest += max(lengths[name])
        characters += sum(lengths[name]) * (prompts // len(lengths[name]))
    return Extent(prompts, longest, characters + prompts * len(json.dumps(parameters)))


def _planned(order: BatchOrder, uses: Uses, texts: Texts) -> Columns[PlannedPrompt]:
    """What is as with all the others is left out."""
    drafts, collection = order.templates, order.collection
    parameters = [{**order.parameters, **own} if own else None for own in drafts.given("parameters")]
    common = asked_seed(order.parameters)
    seeds = [common if each is None else asked_seed(each) for each in parameters]
    planned = Columns(
        PlannedPrompt,
        len(drafts),
        template_name=drafts.column("name"),
        prompt=drafts.column("prompt"),
        template_id=drafts.given("id"),
        name=[f"{collection} - {name}" for name in drafts.column("name")] if collection else (),
        model=drafts.given("model"),
        parameters=parameters,
        seed=seeds or ([] if common is None else [common] * len(drafts)),
    )
    return _filled_in(planned, uses, texts) if uses else planned


def _filled_in(planned: Columns[PlannedPrompt], uses: Uses, texts: Texts) -> Columns[PlannedPrompt]:
    """Each as often as there are combinations of values for it."""
    prompts = [
        _filled(prompt, uses[place], texts) if place in uses else [prompt]
        for place, prompt in enumerate(planned.column("prompt"))
    ]
    repeated = {
        name: list(chain.from_iterable(map(repeat, values, map(len, prompts))))
        for name, values in planned.columns.items()
    }
    all_prompts = list(chain.from_iterable(prompts))
    return Columns(PlannedPrompt, len(all_prompts), **(repeated | {"prompt": all_prompts}))


def asked_seed(parameters: Mapping[str, Any]) -> int | None:
    """None where it is to be drawn: it is stored either way, so that work can be repeated."""
    asked = parameters.get("seed")
    return asked if type(asked) is int and 0 <= asked < 2**63 else None


def _texts(variables: Mapping[str, Any]) -> Texts:
    """The values of each variable as they are filled in."""
    return {name: list(map(str, v)) if isinstance(v, list) else [str(v)] for name, v in variables.items()}


def _filled(prompt: str, names: Sequence[str], texts: Texts) -> list[str]:
    """The prompt with each combination of values; no value is looked into for variables."""
    pieces = VARIABLE.split(prompt)
    if len(pieces) > 2 * len(names) + 1:  # a variable is used twice, with one value at a time
        choices = [texts[name] for name in names]
        return list(starmap(_form(prompt, names).format, product(*choices)))
    parts = [texts[piece] if place % 2 else [piece] for place, piece in enumerate(pieces)]
    return list(map("".join, product(*parts)))


def _form(prompt: str, names: Sequence[str]) -> str:
    """The prompt as str.format takes it, each variable by its place among the names."""
    pieces = VARIABLE.split(prompt)
    pieces[::2] = [text.replace("{", "{{").replace("}", "}}") for text in pieces[::2]]
    pieces[1::2] = [f"{{{names.index(name)}}}" for name in pieces[1::2]]
    return "".join(pieces)


def _names(prompt: str) -> list[str]:
    """The variables of a prompt in order of appearance, each once."""
    return list(dict.fromkeys(VARIABLE.findall(prompt)))


def _uses(prompts: Sequence[str]) -> Uses:
    if "{" not in "".join(prompts):  # a thousand at once
        return {}
    return {place: names for place, prompt in enumerate(prompts) if (names := _names(prompt))}


def _first_uses(uses: Uses) -> dict[str, int]:
    """Each variable with the place of the first template that uses it."""
    first: dict[str, int] = {}
    for place, names in uses.items():
        for name in names:
            first.setdefault(name, place)
    return first
