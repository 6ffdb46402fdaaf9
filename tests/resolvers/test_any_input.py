"""Whatever is put into any field of any input: an answer, an error with its place, never a fault of ours."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputType,
    get_named_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

from server.operations.errors import RefusedError
from server.operations.schema import build_schema

NOBODYS = "0a5c1e00-0000-7000-8000-00000000dead"
DEEP: Any = 1
"""A megabyte."""
for _ in range(200):
    DEEP = {"a": DEEP, "b": "x" * 5_000}
VALUES: list[Any] = [
    None,
    "",
    " ",
    "\0",
    "two\nlines\x1b[2J",
    "x" * 20_000,
    NOBODYS,
    0,
    -1,
    2**31,
    2**64,
    1.5,
    float("inf"),
    True,
    [],
    ["\0"],
    [None],
    ["x"] * 1_500,
    {},
    {"a": "\0"},
    {"\0": 1},
    DEEP,
]
SCHEMA = build_schema()
ROOTS: dict[str, dict[str, GraphQLField]] = {
    kind: SCHEMA._schema.type_map[kind.capitalize()].fields for kind in ("query", "mutation")
}


def places(asked: Any, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where something can be put in: an argument, and whatever is within its input."""
    yield place
    for name, field in getattr(get_named_type(asked.type), "fields", {}).items():
        yield from places(field, (*place, name))


EVERYWHERE = [
    (kind, name, place)
    for kind, fields in ROOTS.items()
    for name, field in fields.items()
    for argument, asked in field.args.items()
    for place in places(asked, (argument,))
]


def document(kind: str, name: str) -> str:
    """Asks for the field with all its arguments as variables, and for what its payload says of errors."""
    field = ROOTS[kind][name]
    variables = ", ".join(f"${each}: {asked.type}" for each, asked in field.args.items())
    arguments = ", ".join(f"{each}: ${each}" for each in field.args)
    has_errors = "userErrors" in getattr(get_named_type(field.type), "fields", {})
    selection = "userErrors { field code message }" if has_errors else "__typename"
    return f"{kind} ({variables}) {{ payload: {name}({arguments}) {{ {selection} }} }}"


def put(asked: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """The value at its place in what is asked, where the first of each list on the way is meant."""
    *way, last = place
    for step in way:
        inner = asked[step]
        asked = inner[0] if isinstance(inner, list) else inner
    asked[last] = value


def sample(type: GraphQLInputType, place: tuple[str, ...] = ()) -> Any:
    """Something that fits, with whatever must be there and what leads to the place."""
    if is_non_null_type(type):
        return sample(type.of_type, place)
    if is_list_type(type):
        return [sample(type.of_type, place)]
    if is_input_object_type(type):
        wanted = {name for name, each in type.fields.items() if is_required_input_field(each)} | {*place[:1]}
        return {
            name: sample(type.fields[name].type, place[1:] if name in place[:1] else ()) for name in wanted
        }
    return {"ID": NOBODYS, "String": "x", "Int": 1, "Boolean": False, "JSON": {}}.get(type.name)


@pytest.fixture
def run(answer, archive):
    """The answer, as JSON has it."""

    async def run(text: str, variables: dict[str, Any]) -> Any:
        try:
            return await answer(archive.owner, text, variables)
        except RefusedError as refused:
            return {"errors": [error.formatted for error in refused.errors]}

    return run


@pytest.mark.parametrize(
    ("kind", "name", "place"), EVERYWHERE, ids=lambda each: each if isinstance(each, str) else ".".join(each)
)
async def test_any_value_is_answered_or_refused_by_its_place(kind, name, place, run):
    text, arguments = document(kind, name), ROOTS[kind][name].args
    for value in VALUES:
        variables = {
            each: sample(asked.type, place[1:])
            for each, asked in arguments.items()
            if is_required_argument(asked) or each == place[0]
        }
        put(variables, place, value)

        result = await run(text, variables)

        assert not [error for error in result.get("errors", ()) if "path" in error], value
        assert "INTERNAL" not in str(result.get("errors")), value
        payload = (result.get("data") or {}).get("payload") or {}
        assert all(each["field"][0] in arguments for each in payload.get("userErrors", ())), value
