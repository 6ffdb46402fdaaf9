"""The long way: graphql-core executes, and what lies in the database is read by the map of shapes as well.

A root field of Query is read by one statement for all that is asked of it, and so is a row that a payload
stands for by its id. Below them every field has its value already, under its response key.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from graphql import (
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)

from db.reading.compiler import TAG
from db.reading.map import SHAPES
from db.reading.selection import Asked, Bound
from db.reading.statements import Statement, compile_roots, compile_rows
from resolvers.context import Context
from resolvers.selecting import Selecting
from resolvers.sources import UnreadableError

__all__ = ["asked_by", "read_by_shapes"]

SHAPED = {"PageInfo", *(f"{of}{part}" for of in SHAPES for part in ("", "Connection", "Edge"))} - {"Query"}
"""The types that are built by the map."""

Info: TypeAlias = GraphQLResolveInfo[Context]


def read_by_shapes(schema: GraphQLSchema) -> None:
    """Gives the fields their resolvers. Raises UnreadableError."""
    for type in schema.type_map.values():
        if is_object_type(type) and type.name in SHAPED:
            _read_at_hand(type)
        elif is_object_type(type):
            _read_rows_of(type)
    for name in SHAPES["Query"].fields:
        if not schema.query_type or name not in schema.query_type.fields:
            raise UnreadableError(f"The map reads {name}, which the API does not have.")
        schema.query_type.fields[name].resolve = _read_root


def asked_by(info: Info) -> tuple[Asked, Selecting]:
    """What is asked of the field that is being resolved, and where its arguments come from."""
    selecting = Selecting(info.schema, info.fragments, info.operation, info.variable_values)
    return selecting.field(info.parent_type, str(info.path.key), info.field_nodes), selecting


async def _read_root(_: Any, info: Info, **__: Any) -> Any:
    asked, selecting = asked_by(info)
    (row,) = await _read(info.context, compile_roots([asked], tagged=True), selecting)
    return _value(row[0])


async def _read_row(source: Any, info: Info) -> Any:
    """Of the id that the payload has in the row's place."""
    key = _standing(source, info)
    rows = await _rows(info, [key]) if key else []
    return rows[0] if rows else None


async def _read_list(source: Any, info: Info) -> Any:
    return await _rows(info, _standing(source, info))


async def _rows(info: Info, keys: Sequence[UUID]) -> list[Any]:
    asked, selecting = asked_by(info)
    (of,) = asked.of
    rows = await _read(info.context, compile_rows(asked, of), selecting, keys)
    return [_value(row[0]) for row in rows]


async def _read(
    context: Context, statement: Statement, selecting: Selecting, keys: Sequence[UUID] = ()
) -> Sequence[Any]:
    bound = Bound(arguments=selecting.arguments(), signer=context.addresses(), keys=keys)
    return await context.read(statement, bound)


def _value(json: bytes | None) -> Any:
    return None if json is None else orjson.loads(json)


def _standing(source: Any, info: Info) -> Any:
    """What a payload has in the place of rows: schema.node.row and rows put it there."""
    return getattr(source, info.field_name)


def _at_hand(source: Any, info: Info, **_: Any) -> Any:
    return source[info.path.key]


def _tagged(value: Any, *_: Any) -> str:
    return str(value[TAG])


def _read_at_hand(type: GraphQLObjectType) -> None:
    type.is_type_of = None
    for interface in type.interfaces:
        interface.resolve_type = _tagged
    for field in type.fields.values():
        field.resolve = _at_hand


def _read_rows_of(type: GraphQLObjectType) -> None:
    """Of a payload."""
    for field in type.fields.values():
        if get_named_type(field.type).name in SHAPED:
            field.resolve = _read_list if is_list_type(get_nullable_type(field.type)) else _read_row
