"""Whether every field of the API has a source: in the map of shapes, or as the column of its name."""

from collections.abc import Iterator

import asyncpg
from graphql import GraphQLSchema, get_named_type, is_leaf_type, is_object_type

from db.reading.compiler import column_of
from db.reading.map import SHAPES
from db.reading.shapes import Part
from db.session import Database

__all__ = ["UnreadableError", "check_sources", "needed_columns"]


class UnreadableError(Exception):
    """A field of the API has no source; the text names it."""


async def check_sources(schema: GraphQLSchema, database: Database) -> None:
    """Raises UnreadableError."""
    async with database.worker_session() as session:
        for field, table, column in needed_columns(schema):
            try:
                await session.connection.prepare(f'select "{column}" from {table}')  # noqa: S608
            except (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError) as error:
                raise UnreadableError(f"{field} has no source: {table} has no column {column}.") from error


def needed_columns(schema: GraphQLSchema) -> Iterator[tuple[str, str, str]]:
    """Each field that the map leaves to a column, its table and its column.

    Raises UnreadableError for one that no column can be, and for what is in the map alone.
    """
    for name, shape in SHAPES.items():
        yield from _columns(schema, name, shape.table)


def _columns(schema: GraphQLSchema, name: str, table: str | None) -> Iterator[tuple[str, str, str]]:
    type, sources = schema.get_type(name), SHAPES[name].fields
    fields = type.fields if is_object_type(type) else {}
    for unknown in sources.keys() - fields.keys():
        raise UnreadableError(f"{name}.{unknown} is in the map of shapes, and not in the API.")
    for field, definition in fields.items():
        source = sources.get(field)
        if table and isinstance(source, Part):
            yield from _columns(schema, source.of, table)
        elif table and source is None:
            if not is_leaf_type(get_named_type(definition.type)):
                raise UnreadableError(f"{name}.{field} has no source: the map of shapes must say what it is.")
            yield f"{name}.{field}", table, column_of(field)
