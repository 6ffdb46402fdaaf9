"""The compiler of selections: every field has a source, and no text of a client is in a statement."""

from dataclasses import replace

import orjson
import pytest
from graphql import GraphQLObjectType, build_schema, extend_schema, get_named_type, is_leaf_type, parse

from db.reading.map import SHAPES
from db.reading.shapes import Shape
from resolvers.sources import UnreadableError, check_sources, needed_columns
from tests.reading import changes, query, schema

TABLES = {name: shape.table for name, shape in SHAPES.items() if shape.table}
ROOTS = {"Batch": "batch", "Image": "image", "Generation": "generation", "Collection": "collection"}


def everything(type_name: str, levels: int) -> str:
    """All fields of a type, those below it included for so many levels."""
    type = schema().get_type(type_name)
    assert isinstance(type, GraphQLObjectType)
    parts = ["__typename"]
    for name, field in type.fields.items():
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif levels:
            parts.append(f"{name} {{ {everything(inner.name, levels - 1)} }}")
    return " ".join(parts)


@pytest.mark.parametrize("type_name", [*ROOTS])
async def test_every_field_of_a_row_can_be_read(type_name, house):
    read, bound = query(f'{{ {ROOTS[type_name]}(id: "x") {{ {everything(type_name, 3)} }} }}')

    async with house.database.session(house.ben) as session:
        assert [tuple(row) for row in await session.read(read, bound)] == [(None,)]


@pytest.mark.parametrize("field", ["batches", "images", "collections"])
async def test_every_field_of_a_list_can_be_read(field, house):
    type_name = f"{field[:-1].capitalize().replace('Batche', 'Batch')}Connection"
    read, bound = query(f"{{ {field} {{ {everything(type_name, 4)} }} }}")

    async with house.database.session(house.ben) as session:
        assert len(await session.read(read, bound)) == 1


async def test_every_field_of_an_update_can_be_read(house):
    read, bound = changes(everything("BatchUpdate", 3), house.batch, 0, 10)

    async with house.database.session(house.ada) as session:
        assert await session.read(read, bound)


async def test_the_map_fits_the_api_and_the_database(house):
    await check_sources(schema(), house.database)


async def test_a_field_without_a_column_is_named(house):
    extended = extend_schema(schema(), parse("extend type Image { colourDepth: Int }"))

    with pytest.raises(UnreadableError, match=r"Image\.colourDepth .* images has no column colour_depth"):
        await check_sources(extended, house.database)


async def test_a_field_without_a_table_is_named(house, monkeypatch):
    monkeypatch.setitem(SHAPES, "Template", Shape(table="drafts"))

    with pytest.raises(UnreadableError, match=r"Template\.\w+ has no source: drafts has no column"):
        await check_sources(schema(), house.database)


def test_a_field_of_rows_without_a_source_is_named():
    extended = extend_schema(schema(), parse("extend type Image { twins: [Image!]! }"))

    with pytest.raises(UnreadableError, match=r"Image\.twins has no source"):
        list(needed_columns(extended))


def test_a_source_without_a_field_is_named():
    with pytest.raises(UnreadableError, match="not in the API"):
        list(needed_columns(build_schema("type Query { nothing: Int }")))


def test_what_a_client_calls_a_field_is_a_parameter():
    read, bound = query('{ drop: batch(id: "now") { table: title } }')

    assert not {"drop", "table", "now"} & set(read.text.replace("'", " ").replace('"', " ").split())
    assert "table" in read.values(bound)


def test_an_object_of_more_fields_than_a_function_takes_is_joined(house):
    fields = " ".join(f"a{n}: title" for n in range(120))
    read, _ = query(f'{{ batch(id: "x") {{ {fields} }} }}')

    assert read.text.count("json_build_object(") == 3


async def test_such_an_object_has_all_its_fields_in_order(house):
    fields = " ".join(f"a{n}: id" for n in range(120))
    read, bound = query(f'{{ batch(id: "{house.batch}") {{ {fields} }} }}')

    async with house.database.session(house.ada) as session:
        ((row,),) = await session.read(read, replace(bound))

    assert list(orjson.loads(row)) == [f"a{n}" for n in range(120)]
