"""The schema as text is what the service says, and every word of it is explained."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

import schema
from server.operations.schema import build_schema
from server.sdl import print_sdl

SDL = Path(schema.__file__).with_name("schema.graphql")
OURS = [
    kind
    for name, kind in sorted(build_schema()._schema.type_map.items())
    if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
]


def parts(kind: GraphQLNamedType) -> dict[str, str | None]:
    """The descriptions of a type, its fields, their arguments and its values, by their names."""
    found = {kind.name: kind.description}
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in kind.fields.items():
            found[f"{kind.name}.{name}"] = field.description
            for argument, asked in getattr(field, "args", {}).items():
                found[f"{kind.name}.{name}({argument}:)"] = asked.description
    if isinstance(kind, GraphQLEnumType):
        found |= {f"{kind.name}.{name}": value.description for name, value in kind.values.items()}
    return found


def test_the_exported_schema_is_what_the_service_serves():
    assert SDL.read_text() == print_sdl(build_schema()), "run: batch-studio schema > schema/schema.graphql"


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.name)
def test_everything_has_a_description_that_is_a_sentence(kind):
    for name, description in parts(kind).items():
        assert description, f"{name} has no description"
        assert description.strip()[-1] in ".)", f"{name}: {description!r}"


def test_a_list_always_says_how_long_a_page_may_be():
    descriptions = {text for kind in OURS for name, text in parts(kind).items() if name.endswith("(first:)")}

    assert descriptions == {"How many at most, from 1 to 100."}


def test_the_package_named_schema_is_ours_and_not_the_one_on_pypi():
    root = Path(__file__).parents[2]

    assert Path(schema.__file__).parent == root / "schema"
    assert not hasattr(schema, "Schema")
