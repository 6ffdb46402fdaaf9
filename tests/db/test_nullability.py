"""What the API says is never null, the tables say too."""

from pathlib import Path

import asyncpg
import pytest
from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_composite_type,
    is_list_type,
)

SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"
TABLES = {
    "Batch": "batches",
    "BatchCounts": "batches",
    "Collection": "collections",
    "Generation": "generations",
    "Image": "images",
    "Template": "templates",
}
EXPRESSIONS = {
    "Batch.counts": (),
    "Batch.cursor": ("id", "seq"),
    "Batch.downloadUrl": ("id", "user_id"),
}
"""What is no column of that name: the columns that it is made of."""
NOT_NULL = """
    select attnotnull from pg_attribute
    where attrelid = $1::regclass and attname = $2 and attnum > 0 and not attisdropped
"""
SCHEMA = build_schema(SDL.read_text())


def is_page_or_list(field: GraphQLField) -> bool:
    """Which is empty where there is nothing."""
    is_list = is_list_type(field.type.of_type) and is_composite_type(get_named_type(field.type))
    return is_list or get_named_type(field.type).name.endswith("Connection")


def columns_of(place: str) -> tuple[str, ...]:
    name = place.partition(".")[2]
    return EXPRESSIONS.get(place, ("".join(f"_{each.lower()}" if each.isupper() else each for each in name),))


NEVER_NULL = [
    f"{kind}.{name}"
    for kind in TABLES
    for name, field in SCHEMA.type_map[kind].fields.items()
    if isinstance(field.type, GraphQLNonNull) and not is_page_or_list(field)
]


@pytest.mark.parametrize("place", NEVER_NULL)
async def test_a_field_that_is_never_null_is_made_of_columns_that_are_never_null(place, catalog):
    table = TABLES[place.partition(".")[0]]

    for column in columns_of(place):
        assert await catalog.fetchval(NOT_NULL, table, column) is True


@pytest.mark.parametrize("column", ["error_code", "error_message", "error_retryable"])
async def test_an_error_has_all_its_parts_or_is_none(column, house):
    value = True if column == "error_retryable" else "INTERNAL"
    async with house.as_worker() as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                f"update generations set {column} = $2 where id = $1", house.generation, value
            )


async def test_no_tag_is_null(house):
    async with house.as_(house.ada) as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("update batches set tags = '{a,null}' where id = $1", house.batch)


def test_every_type_that_is_read_from_a_table_is_looked_at():
    """The others are made by the service itself: pages, payloads, and what the token or the provider says."""
    node = SCHEMA.type_map["Node"]
    kinds = {kind.name for kind in SCHEMA.get_implementations(node).objects}
    parts = {
        get_named_type(field.type).name
        for kind in kinds
        for field in SCHEMA.type_map[kind].fields.values()
        if isinstance(get_named_type(field.type), GraphQLObjectType)
        and not get_named_type(field.type).name.endswith("Connection")
    }

    assert kinds | parts == {*TABLES, "GenerationError"}
