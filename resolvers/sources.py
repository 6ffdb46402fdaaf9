"""Whether every field of the API has a source: in the map of shapes, or as the column of its name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from db.reading.compiler import column_of
from db.reading.map import SHAPES
from db.reading.shapes import Part, Shape
from db.session import Database

__all__ = ["Needed", "UnreadableError", "check_sources", "needed_columns"]


class UnreadableError(Exception):
    """A field of the API has no source; the text names it."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A column that a field is read from."""

    field: str
    table: str
    column: str


async def check_sources(schema: GraphQLSchema, database: Database) -> None:
    """Raises UnreadableError."""
    needed = list(needed_columns(schema))
    async with database.worker_session() as session:
        rows = await session.rows("columns_of_tables", list({each.table for each in needed}))
    known = {(row["table"], row["column"]) for row in rows}
    for each in needed:
        if (each.table, each.column) not in known:
            raise UnreadableError(f"{each.field} has no source: {each.table} has no column {each.column}.")


def needed_columns(schema: GraphQLSchema) -> Iterator[Needed]:
    """Of all fields that the map leaves to a column. Raises UnreadableError for one that no column can be."""
    for name, shape in SHAPES.items():
        if shape.table:
            yield from _columns(schema, name, shape, shape.table)


def _columns(schema: GraphQLSchema, name: str, shape: Shape, table: str) -> Iterator[Needed]:
    fields = _fields(schema, name)
    for unknown in shape.fields.keys() - fields.keys():
        raise UnreadableError(f"{name}.{unknown} is in the map of shapes, and not in the API.")
    for field, definition in fields.items():
        source = shape.fields.get(field)
        if isinstance(source, Part):
            yield from _columns(schema, source.of, SHAPES[source.of], table)
        elif source is None and not is_leaf_type(get_named_type(definition.type)):
            raise UnreadableError(f"{name}.{field} has no source: the map of shapes must say what it is.")
        elif source is None:
            yield Needed(f"{name}.{field}", table, column_of(field))


def _fields(schema: GraphQLSchema, name: str) -> Mapping[str, GraphQLField]:
    type = schema.get_type(name)
    if not isinstance(type, GraphQLObjectType):
        raise UnreadableError(f"{name} is in the map of shapes, and not in the API.")
    return dict(type.fields)
