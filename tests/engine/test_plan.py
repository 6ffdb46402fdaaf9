"""A plan is templates x variables x variants in order, or refusals and nothing else."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.columns import Columns
from engine.plan import BatchOrder, BatchPlan, TemplateDraft, plan_batch
from engine.words import UserErrorCode


def template(prompt: str = "a boat", **given: object) -> TemplateDraft:
    fixed: dict[str, object] = {"name": "Dawn", "path": ("templates", "0")}
    return TemplateDraft(prompt=prompt, **(fixed | given))


def order(*templates: TemplateDraft, **given: object) -> BatchOrder:
    fixed: dict[str, object] = {
        "variables": {},
        "parameters": {},
        "model": "demo",
        "models": frozenset({"demo", "other"}),
        "variants": 1,
        "limit": 100,
    }
    rows = given.pop("templates", templates or [template()])
    return BatchOrder(templates=Columns.of(TemplateDraft, rows), **(fixed | given))


def prompts(plan: BatchPlan) -> list[str]:
    assert plan.refusals == []
    return [each.prompt for each in plan.prompts for _variant in range(plan.variants)]


def refused(plan: BatchPlan) -> list[tuple[tuple[str, ...], UserErrorCode]]:
    assert list(plan.prompts) == []
    return [(each.path, each.code) for each in plan.refusals]


def test_templates_come_first_then_variables_then_variants():
    plan = plan_batch(
        order(
            template("a {{thing}} in {{place}}"),
            template("plain"),
            variables={"thing": ["boat", "tree"], "place": ["fog", "sun"]},
            variants=2,
        )
    )

    assert prompts(plan) == [
        *["a boat in fog"] * 2,
        *["a boat in sun"] * 2,
        *["a tree in fog"] * 2,
        *["a tree in sun"] * 2,
        *["plain"] * 2,
    ]


def test_a_list_multiplies_only_the_templates_that_use_it():
    plan = plan_batch(order(template("{{a}}"), template("b"), variables={"a": ["x", "y", "z"]}))

    assert plan.total == len(prompts(plan)) == 4


def test_a_variable_used_twice_has_one_value_at_a_time():
    plan = plan_batch(order(template("{{a}} and {{ a }}"), variables={"a": [1, 2.5]}))

    assert prompts(plan) == ["1 and 1", "2.5 and 2.5"]


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again():
    plan = plan_batch(order(template("{{a}}"), variables={"a": "{{b}} \\1", "b": "never"}))

    assert prompts(plan) == ["{{b}} \\1"]


def test_a_template_keeps_its_name_and_id_and_has_the_last_word_on_model_and_parameters():
    own = template(id=uuid4(), name="Dusk", model="other", parameters={"width": 1, "seed": 7})

    plan = plan_batch(order(own, template(), parameters={"width": 9, "height": 9}))

    first, second = plan.prompts
    assert (first.template_name, first.template_id, first.model, first.seed) == ("Dusk", own.id, "other", 7)
    assert first.parameters == {"width": 1, "height": 9, "seed": 7}
    assert second.parameters is None


def test_braces_that_are_no_variable_stay_as_they_are():
    plan = plan_batch(order(template("{x} {{}} {{{a}}} {0} {{a b}}"), variables={"a": "{1}"}))

    assert prompts(plan) == ["{x} {{}} {{1}} {0} {{a b}}"]


@pytest.mark.parametrize(
    ("asked", "path", "code"),
    [
        (lambda: order(template("{{a}}")), ("variables", "a"), UserErrorCode.REQUIRED),
        (lambda: order(variables={"a": []}), ("variables", "a"), UserErrorCode.REQUIRED),
        (lambda: order(variables={"a": ""}), ("variables", "a"), UserErrorCode.REQUIRED),
        (lambda: order(variables={"a": None}), ("variables", "a"), UserErrorCode.INVALID),
        (lambda: order(variables={"a": True}), ("variables", "a"), UserErrorCode.INVALID),
        (lambda: order(variables={"a": {"b": 1}}), ("variables", "a"), UserErrorCode.INVALID),
        (lambda: order(variables={"a": ["x", ["y"]]}), ("variables", "a"), UserErrorCode.INVALID),
        (lambda: order(variables={"a": "nul \0"}), ("variables", "a"), UserErrorCode.INVALID),
        (lambda: order(templates=[]), ("templates",), UserErrorCode.REQUIRED),
        (lambda: order(variants=0), ("variants",), UserErrorCode.INVALID),
        (lambda: order(variants=101), ("variants",), UserErrorCode.INVALID),
        (lambda: order(model="none"), ("model",), UserErrorCode.NOT_FOUND),
        (lambda: order(template(model="none")), ("templates", "0", "model"), UserErrorCode.NOT_FOUND),
        (lambda: order(template(name=" ")), ("templates", "0", "name"), UserErrorCode.REQUIRED),
        (lambda: order(template("\n")), ("templates", "0", "prompt"), UserErrorCode.REQUIRED),
        (lambda: order(template("x" * 10_001)), ("templates", "0", "prompt"), UserErrorCode.TOO_MANY),
    ],
)
def test_what_cannot_be_planned_is_refused_at_its_field(
    asked: Callable[[], BatchOrder], path: tuple[str, ...], code: UserErrorCode
):
    assert refused(plan_batch(asked())) == [(path, code)]


def test_a_batch_above_the_limit_is_refused_whole_and_says_how_many_it_would_have():
    plan = plan_batch(order(template("{{a}}"), variables={"a": list(range(51))}, variants=2))

    assert refused(plan) == [((), UserErrorCode.LIMIT_REACHED)]
    assert plan.total == 102
    assert "102" in plan.refusals[0].message


def test_a_batch_at_the_limit_is_planned():
    assert len(prompts(plan_batch(order(variants=100)))) == 100


def test_a_product_of_lists_too_large_to_write_down_is_refused_at_once():
    names = "abcdefgh"
    everything = template(" ".join(f"{{{{{name}}}}}" for name in names))

    plan = plan_batch(order(everything, variables={name: list(range(1_000)) for name in names}))

    assert plan.total == 10**24
    assert refused(plan) == [((), UserErrorCode.LIMIT_REACHED)]


def test_a_prompt_that_grows_too_long_once_filled_in_is_refused():
    plan = plan_batch(order(template("{{a}}{{a}}"), variables={"a": ["short", "x" * 6_000]}))

    assert refused(plan) == [(("variables",), UserErrorCode.TOO_MANY)]


def test_more_text_than_one_statement_should_carry_is_refused():
    heavy = {"mask": "x" * 100_000}

    plan = plan_batch(order(parameters=heavy, variants=100, limit=1_000))
    double = plan_batch(
        order(template(), template(), template(), parameters=heavy, variants=100, limit=1_000)
    )

    assert len(prompts(plan)) == 100
    assert refused(double) == [((), UserErrorCode.LIMIT_REACHED)]


def test_every_refusal_comes_at_once():
    plan = plan_batch(order(template("{{a}}"), template(""), model="none", variants=0))

    assert [path[0] for path, _ in refused(plan)] == ["variants", "model", "templates", "variables"]


NAMES = st.sampled_from(["a", "b", "c"])
WORDS = st.text("xyz", min_size=1, max_size=3)
TEMPLATES = st.lists(
    st.lists(NAMES, max_size=3).map(lambda names: "p" + "".join(f"{{{{{n}}}}}" for n in names))
)
VALUES = st.one_of(WORDS, st.lists(WORDS, min_size=1, max_size=4))


@given(
    texts=TEMPLATES,
    variables=st.fixed_dictionaries(dict.fromkeys("abc", VALUES)),
    variants=st.integers(0, 5),
)
def test_a_plan_is_whole_or_refused(texts, variables, variants):
    templates = [template(text) for text in texts]
    plan = plan_batch(order(templates=templates, variables=variables, variants=variants, limit=50))

    if plan.refusals:
        assert list(plan.prompts) == []
    else:
        assert plan.total == len(prompts(plan)) <= 50
        assert all("{{" not in prompt for prompt in prompts(plan))
