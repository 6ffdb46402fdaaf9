"""The long way: graphql-core executes, and what lies in the database is read by the map of shapes as well.

A root field of Query is read by one statement for all that is asked of it, and so is a row that a payload
stands for by its id. Below them every field has its value already, under its response key.
"""

from dataclasses import replace
from typing import Any, TypeAlias

import orjson
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, get_named_type, is_object_type
from graphql.execution.collect_fields import FragmentDetails

from db.reading.map import SHAPES
from db.reading.selection import Asked
from db.reading.statements import Statement, compile_roots, compile_rows
from resolvers.context import Context
from resolvers.selecting import Selecting

__all__ = ["asked_by", "read_by_shapes"]

ROOTS = SHAPES["Query"].fields
SHAPED = {"PageInfo", *(f"{of}{part}" for of in SHAPES for part in ("", "Connection", "Edge"))} - {"Query"}
"""The types that are built by the map."""
TAG = ""
"""The key, which no client can ask for, under which a row of an interface tells its type."""

Info: TypeAlias = GraphQLResolveInfo[Context]


def read_by_shapes(schema: GraphQLSchema) -> None:
    """Gives the fields their resolvers."""
    for type in schema.type_map.values():
        if not is_object_type(type):
            continue
        if type.name in SHAPED:
            _read_at_hand(type)
        for name, field in type.fields.items():
            if type is schema.query_type and name in ROOTS:
                field.resolve = _read_root
            elif type.name not in SHAPED and get_named_type(field.type).name in SHAPED:
                field.resolve = _read_standing


def asked_by(info: Info) -> tuple[Asked, Selecting]:
    """What is asked of the field that is being resolved, and where its arguments come from."""
    fragments = {name: FragmentDetails(each) for name, each in info.fragments.items()}
    selecting = Selecting(info.schema, fragments, info.operation, info.variable_values)
    return selecting.field(info.parent_type, str(info.path.key), info.field_nodes), selecting


async def _read_root(_: Any, info: Info, **__: Any) -> Any:
    asked, selecting = asked_by(info)
    if len(asked.of) > 1:
        tag = Asked(key=TAG, name="__typename")
        asked = replace(asked, of={name: [tag, *fields] for name, fields in asked.of.items()})
    (row,) = await _read(info.context, compile_roots([asked]), selecting)
    return row


async def _read_standing(source: Any, info: Info) -> Any:
    """What a payload stands for by ids, as schema.node.row and rows put them there."""
    ids = getattr(source, info.field_name)
    if not ids:
        return ids
    asked, selecting = asked_by(info)
    if isinstance(ids, list):
        return await _read(info.context, compile_rows(asked), selecting, ids=ids)
    rows = await _read(info.context, compile_rows(asked), selecting, ids=[ids])
    return next(iter(rows), None)


async def _read(context: Context, statement: Statement, selecting: Selecting, **named: Any) -> list[Any]:
    rows = await context.read(statement, context.bound(selecting.arguments(), **named))
    return [row[0] and orjson.loads(row[0]) for row in rows]


def _read_at_hand(type: GraphQLObjectType) -> None:
    type.is_type_of = None
    for interface in type.interfaces:
        interface.resolve_type = lambda value, *_: str(value[TAG])
    for field in type.fields.values():
        field.resolve = lambda source, info, **_: source[info.path.key]
