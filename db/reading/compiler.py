"""From a selection to SQL: each field over its row, each relation a sub-select that depends on its row.

No text of a client gets into SQL: keys that are not the field's own name are parameters, as all values are. A
relation is limited before anything is built from it, so that rows come in the order in which they are read.

An object whose keys are all the fields' own names is a row, and a list of them an array of rows: PostgreSQL
makes JSON of all of it at once in the end, at two thirds of what json_build_object costs. That builds what
has a client's own names in it, and becomes part of the rows around it.
"""

import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

from db.reading.map import READERS, SHAPES
from db.reading.paging import Page
from db.reading.selection import Asked, Bound
from db.reading.shapes import Expression, Listed, One, Pages, Part

__all__ = ["Compiler", "Parameter"]

MOST_PAIRS = 50
"""That json_build_object takes."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
WORD_START = re.compile(r"(?<!^)(?=[A-Z])")

Parameter: TypeAlias = Callable[[Bound], Any]

NAMED = frozenset({"signer", "ids", "batch", "past", "most"})
"""What a request brings besides the arguments of its fields."""


class Compiler:
    """One statement in the making."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []
        self._placeholders: dict[Any, str] = {}
        self._aliases = count(1)

    def alias(self) -> str:
        """A name for rows, which no other has."""
        return f"t{next(self._aliases)}"

    def bind(self, sameness: Any, parameter: Parameter) -> str:
        """A placeholder; what is the same stands for one parameter."""
        placeholder = self._placeholders.get(sameness)
        if placeholder is None:
            self.parameters.append(parameter)
            placeholder = self._placeholders[sameness] = f"${len(self.parameters)}"
        return placeholder

    def argument(self, asked: Asked, name: str) -> str:
        """A placeholder for the value of an argument, or of a field of the argument `filter`."""
        number, read = asked.number, READERS.get(name, lambda value: value)
        return self.bind((number, name), lambda bound: read(bound.arguments[number][name]))

    def object(self, fields: Sequence[Asked], of: str, row: str, rest: str = "") -> str:
        """What is asked of a row; rest is what follows the `select` of it."""
        return self.pairs(fields, lambda each: self.value(each, of, row), rest)

    def pairs(self, fields: Sequence[Asked], value: Callable[[Asked], str], rest: str = "") -> str:
        """A row with a column for each field, or JSON where the client has names of its own."""
        if has_own_names(fields):
            columns = ", ".join(f'{value(each)} as "{each.name}"' for each in fields)
            return f"(select x from (select {columns} {rest}) x)"
        built = self._json(fields, value)
        return f"(select {built} {rest})" if rest else built

    def list(self, fields: Sequence[Asked], value: Callable[[Asked], str], its: str, rest: str) -> str:
        """The same of each row of a `from`, in which it is called its."""
        if has_own_names(fields):
            return f"array{self.pairs(fields, value, rest)}"
        built = self._json(fields, value)
        return f"(select coalesce(json_agg({built}), '[]') from (select {its}.* {rest}) {its})"

    def value(self, asked: Asked, of: str, row: str) -> str:
        """What the field is, as something that becomes JSON or is some already."""
        if asked.name == "__typename":
            return f"'{of}'::text"
        source = SHAPES[of].fields.get(asked.name)
        match source:
            case None:
                return f"{row}.{column_of(asked.name)}"
            case Expression():
                return self.fill(source.sql, asked, row=row)
            case Part():
                where = f"where {self.fill(source.when, asked, row=row)}"
                return self.object(asked.of[source.of], source.of, row, where)
            case One():
                return self._one(asked, source, row)
            case Listed():
                return self._listed(asked, source, row)
            case Pages():
                return Page(self, asked, source, of, row).connection()

    def key(self, asked: Asked) -> str:
        """A field's own name is ours; any other is the client's."""
        key = asked.key
        return f"'{key}'" if key == asked.name else f"{self.bind(('key', key), lambda _: key)}::text"

    def fill(self, sql: str, asked: Asked, **names: str) -> str:
        """The SQL of the map with its placeholders filled in."""

        def filling(match: re.Match[str]) -> str:
            name = match[1]
            if name in NAMED:
                return self.bind(name, lambda bound: bound.named[name])
            return names.get(name) or self.argument(asked, name)

        return PLACEHOLDER.sub(filling, sql)

    def _json(self, fields: Sequence[Asked], value: Callable[[Asked], str]) -> str:
        """A JSON object. One of more pairs than a function takes is joined from several."""
        pairs = [f"{self.key(each)}, {value(each)}" for each in fields]
        parts = [
            f"json_build_object({', '.join(pairs[start : start + MOST_PAIRS])})"
            for start in range(0, len(pairs), MOST_PAIRS)
        ]
        if len(parts) <= 1:
            return parts[0] if parts else "json_build_object()"
        inner = [f"left(substr({part}::text, 2), -1)" for part in parts]
        return f"('{{' || concat_ws(',', {', '.join(inner)}) || '}}')::json"

    def _one(self, asked: Asked, source: One, row: str) -> str:
        found = [self._row(asked, each, source, row) for each in asked.of]
        return found[0] if len(found) == 1 else f"coalesce({', '.join(f'to_json({each})' for each in found)})"

    def _row(self, asked: Asked, of: str, source: One, row: str) -> str:
        its = self.alias()
        where = self.fill(source.where, asked, row=row, its=its)
        return self.object(asked.of[of], of, its, f"from {SHAPES[of].table} {its} where {where}")

    def _listed(self, asked: Asked, source: Listed, row: str) -> str:
        of, its = source.of, self.alias()
        where = self.fill(source.where, asked, row=row, its=its)
        rest = f"from {SHAPES[of].table} {its} where {where} order by {source.order}"
        return self.list(asked.of[of], lambda each: self.value(each, of, its), its, rest)


def has_own_names(fields: Sequence[Asked]) -> bool:
    """Whether every field is called by its own name, which is ours to put into SQL."""
    return bool(fields) and all(each.key == each.name for each in fields)


def column_of(name: str) -> str:
    """The column of a field's own name."""
    return WORD_START.sub("_", name).lower()
