"""Arguments worth asking with: ids and cursors of rows that are there, own and others', and of nothing."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
)

from tests.oracle.lists import LISTS
from tests.oracle.stock import TABLE_OF, Stock
from tests.oracle.world import MODELS, TAGS, WORDS

__all__ = ["Choose", "Values", "literal", "plain_type"]

NOBODYS = "6f1c9b9e-2c1b-4c7e-9b1a-0d9a6a1f5e01"
MALFORMED = ("", "1", NOBODYS.replace("-", ""), "{" + NOBODYS + "}", "🌊", "' or true --")
LENGTHS = (1, 1, 2, 2, 3, 4, 7, 20, 100)
NO_LENGTHS = (0, -1, 101)
WIDTHS = (0, -5, 1, 200, 201, 400, 401, 800, 801, 2**31 - 1)


class Choose(Protocol):
    """Chance, as a test of properties draws it."""

    def one(self, of: Sequence[Any]) -> Any: ...
    def once_in(self, times: int) -> bool: ...


class Values:
    """Values for an argument, by its place; as JSON."""

    def __init__(self, stock: Stock, choose: Choose) -> None:
        self.stock = stock
        self.choose = choose

    def of(self, field: str, name: str, type: Any) -> Any:
        """field is the place of the argument's field, `Query.batches`."""
        if not isinstance(type, GraphQLNonNull) and self.choose.once_in(10):
            return None
        given: dict[str, Callable[[str], Any]] = {
            "id": self._id,
            "first": self._length,
            "after": self._cursor,
            "width": lambda _: self.choose.one(WIDTHS),
            "filter": lambda _: self._filter(plain_type(type)),
        }
        return given[name](field) if name in given else self._listed(plain_type(type), type)

    def _id(self, field: str) -> str:
        kind = field.partition(".")[2].capitalize()
        if self.choose.once_in(12):
            return str(self.choose.one((NOBODYS, *MALFORMED)))
        id = str(
            self.choose.one(self.stock.ids[kind if kind in TABLE_OF else self.choose.one(list(TABLE_OF))])
        )
        return id.upper() if self.choose.once_in(8) else id

    def _length(self, _: str) -> int:
        return int(self.choose.one(NO_LENGTHS if self.choose.once_in(30) else LENGTHS))

    def _cursor(self, field: str) -> str:
        if self.choose.once_in(30):
            return str(self.choose.one(["", "x", "bnVsbA", "🌊"]))
        of = self.choose.one(list(LISTS)) if self.choose.once_in(30) else field
        return str(self.choose.one(self.stock.cursors[of]))

    def _filter(self, type: GraphQLInputObjectType) -> dict[str, Any]:
        names = [name for name in type.fields if self.choose.once_in(max(2, len(type.fields) // 2))]
        return {name: self._wanted(name, type.fields[name].type) for name in names}

    def _wanted(self, name: str, type: Any) -> Any:
        if self.choose.once_in(12):
            return None
        moment = self.choose.one(self.stock.moments) + timedelta(microseconds=1)
        word = self.choose.one(WORDS)
        known: dict[str, Callable[[], Any]] = {
            "collectionId": lambda: self._id("Query.collection"),
            "batchId": lambda: self._id("Query.batch"),
            "search": lambda: word[: self.choose.one((3, len(word)))],
            "model": lambda: self.choose.one((*MODELS, "none")),
            "tags": lambda: list(self.choose.one(((), TAGS[:1], TAGS[1:3], TAGS[4:]))),
            "createdAfter": moment.isoformat,
            "createdBefore": moment.isoformat,
        }
        return known[name]() if name in known else self._listed(plain_type(type), type)

    def _listed(self, plain: Any, type: Any) -> Any:
        """Booleans and enums, alone and in lists."""
        if isinstance(plain, GraphQLEnumType):
            names = [name for name in plain.values if self.choose.once_in(3)]
            return names if isinstance(_nullable(type), GraphQLList) else self.choose.one(list(plain.values))
        return self.choose.once_in(2)


def plain_type(type: Any) -> Any:
    while isinstance(type, GraphQLNonNull | GraphQLList):
        type = type.of_type
    return type


def literal(value: Any, type: Any) -> str:
    """A value as it is written into a document."""
    plain = plain_type(type)
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(each, plain) for each in value)}]"
    if isinstance(value, dict):
        fields = (f"{name}: {literal(each, plain.fields[name].type)}" for name, each in value.items())
        return f"{{{', '.join(fields)}}}"
    return str(value) if isinstance(plain, GraphQLEnumType) and value is not None else json.dumps(value)


def _nullable(type: Any) -> Any:
    return type.of_type if isinstance(type, GraphQLNonNull) else type
