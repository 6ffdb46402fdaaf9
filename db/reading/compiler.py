"""From a selection to one parameterised statement whose row is the JSON of what was asked for.

No text of a client gets into SQL: keys that are not the field's own name are parameters, as all values are.
A relation is a sub-select that depends on its row, limited before anything is built from it, so rows come in the
order in which they are read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

from db.reading.map import SHAPES
from db.reading.selection import Asked, Bound, given
from db.reading.shapes import (
    Argument,
    Either,
    Expression,
    Listed,
    One,
    Order,
    Pages,
    Part,
)

__all__ = [
    "TAG",
    "Parameter",
    "Statement",
    "compile_changes",
    "compile_roots",
    "compile_rows",
    "compile_singles",
]

TAG = ""
"""The key, which no client can ask for, under which a row of an interface tells its type."""
MOST_ARGUMENTS = 50
"""Pairs that json_build_object takes."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
WORD_START = re.compile(r"(?<!^)(?=[A-Z])")

Parameter: TypeAlias = Callable[[Bound], Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and where its parameters come from."""

    text: str
    parameters: Sequence[Parameter]

    def values(self, bound: Bound) -> list[Any]:
        """The parameters for one request. Raises BadCursorError."""
        return [parameter(bound) for parameter in self.parameters]


def compile_roots(fields: Sequence[Asked], *, tagged: bool = False) -> Statement:
    """The fields of Query, each a column of one row; tagged, a row of an interface tells its type."""
    compiler = _Compiler(tagged=tagged)
    columns = [f"to_json({compiler.value(each, 'Query', '')})" for each in fields]
    return compiler.statement(f"select {', '.join(columns)}")


def compile_rows(asked: Asked, of: str) -> Statement:
    """The rows of a shape whose ids are the bound keys, in their order: a row of one column each."""
    compiler = _Compiler()
    keys, its = compiler.bind("keys", lambda bound: bound.keys, "uuid[]"), compiler.alias()
    built = compiler.object(asked.of[of], of, its)
    return compiler.statement(
        f"select {built} from unnest({keys}) with ordinality as key (id, place)"
        f" join {SHAPES[of].table} {its} on {its}.id = key.id order by key.place"
    )


def compile_changes(asked: Asked, of: str) -> Statement:
    """What has changed in a batch past a seq, oldest first: (head, finished, key, seq, cursor, answer).

    The bound keys are the batch, the seq, and how many changes at most. The last row is the batch alone, as of
    its head. of is the type of the updates; their batch is built once for all of them.
    """
    compiler = _Compiler()
    batch, after, most = (
        compiler.bind(f"keys[{n}]", _key_of(n), type) for n, type in enumerate(("uuid", "bigint", "integer"))
    )
    moved = _Moved(compiler)
    answer = compiler.answer(asked, compiler.pairs(asked.of[of], lambda each: moved.value(each, of)))
    return compiler.statement(
        f"with told as materialized (select t.*{moved.batches} from batches t where t.id = {batch})"
        " select told.seq as head, told.finished_at is not null as finished, moved.key, moved.seq,"
        f" studio.cursor(json_build_array(told.id, moved.seq)) as cursor, {answer} as answer"
        " from told cross join lateral ("
        f" (select g.id as key, g.seq{moved.generations} from generations g"
        "   where g.user_id = told.user_id and g.batch_id = told.id"
        f"  and g.seq > {after} order by g.seq limit {most})"
        f" union all select null, told.seq{moved.absent}"
        ") moved order by moved.seq, moved.key nulls last"
    )


def compile_singles(asked: Asked, of: str) -> Statement:
    """The updates of generations of no batch, whose ids are the bound keys: (key, answer)."""
    compiler = _Compiler()
    keys = compiler.bind("keys", lambda bound: bound.keys, "uuid[]")

    def value(each: Asked) -> str:
        if each.name == "generation":
            return compiler.object(each.of["Generation"], "Generation", "g")
        return "null" if each.name == "batch" else compiler.value(each, of, "")

    answer = compiler.answer(asked, compiler.pairs(asked.of[of], value))
    return compiler.statement(
        f"select g.id as key, {answer} as answer from generations g where g.id = any({keys})"
    )


@dataclass(slots=True)
class _Moved:
    """The columns that the parts of an update need: of the batch once, of each generation one each."""

    compiler: "_Compiler"
    batches: str = ""
    generations: str = ""
    absent: str = ""
    numbers: Any = field(default_factory=count)

    def value(self, asked: Asked, of: str) -> str:
        column = f"part{next(self.numbers)}"
        match asked.name:
            case "batch":
                self.batches += f", {self.compiler.object(asked.of['Batch'], 'Batch', 't')} as {column}"
                return f"told.{column}"
            case "generation":
                built = self.compiler.object(asked.of["Generation"], "Generation", "g")
                self.generations += f", {built} as {column}"
                self.absent += ", null"
                return f"moved.{column}"
            case "cursor":
                return "studio.cursor(json_build_array(told.id, moved.seq))"
        return self.compiler.value(asked, of, "")


class _Compiler:
    """One statement in the making."""

    def __init__(self, *, tagged: bool = False) -> None:
        self.tagged = tagged
        self._parameters: list[Parameter] = []
        self._placeholders: dict[Any, str] = {}
        self._aliases = count(1)

    def statement(self, text: str) -> Statement:
        return Statement(text, tuple(self._parameters))

    def alias(self) -> str:
        return f"t{next(self._aliases)}"

    def bind(self, sameness: Any, parameter: Parameter, type: str) -> str:
        """A placeholder; what is the same stands for one parameter."""
        placeholder = self._placeholders.get(sameness)
        if placeholder is None:
            self._parameters.append(parameter)
            placeholder = self._placeholders[sameness] = f"${len(self._parameters)}::{type}"
        return placeholder

    def answer(self, asked: Asked, built: str) -> str:
        """What a client is sent of a field that is the only one it asked for."""
        return f"json_build_object('data', json_build_object({self._key(asked)}, {built}))"

    def object(self, fields: Sequence[Asked], of: str, row: str) -> str:
        return self.pairs(fields, lambda each: self.value(each, of, row))

    def pairs(self, fields: Sequence[Asked], value: Callable[[Asked], str]) -> str:
        """A JSON object. One of more pairs than a function takes is joined from several."""
        pairs = [f"{self._key(each)}, {value(each)}" for each in fields]
        parts = [
            f"json_build_object({', '.join(pairs[start : start + MOST_ARGUMENTS])})"
            for start in range(0, len(pairs), MOST_ARGUMENTS)
        ]
        if len(parts) <= 1:
            return parts[0] if parts else "json_build_object()"
        inner = [f"left(substr({part}::text, 2), -1)" for part in parts]
        return f"('{{' || concat_ws(',', {', '.join(inner)}) || '}}')::json"

    def value(self, asked: Asked, of: str, row: str) -> str:
        """What the field is, in JSON or as what json_build_object makes JSON of."""
        if asked.name == "__typename":
            return f"'{of}'::text"
        source = SHAPES[of].fields.get(asked.name)
        match source:
            case None:
                return f"{row}.{_column(asked.name)}"
            case Expression(sql, arguments):
                return self._fill(sql, asked, arguments, row=row)
            case Part(part, when):
                built = self.object(asked.of[part], part, row)
                return f"case when {self._fill(when, asked, {}, row=row)} then {built} end" if when else built
            case One():
                return self._one(asked, source.of, self._where(source, asked, row))
            case Either():
                found = [self._one(asked, each, self._where(source, asked, row)) for each in source.of]
                return f"coalesce({', '.join(found)})"
            case Listed():
                return self._listed(asked, source, row)
            case Pages():
                return _Page(self, asked, source, row).connection()

    def _key(self, asked: Asked) -> str:
        """A field's own name is ours; any other is the client's."""
        if asked.key == asked.name or asked.key == TAG:
            return f"'{asked.key}'"
        return self.bind(("key", asked.key), lambda _: asked.key, "text")

    def _where(self, source: One | Either, asked: Asked, row: str) -> Callable[[str], str]:
        return lambda its: self._fill(source.where, asked, source.arguments, row=row, its=its)

    def _one(self, asked: Asked, of: str, where: Callable[[str], str]) -> str:
        its, fields = self.alias(), asked.of[of]
        if self.tagged and len(asked.of) > 1:
            fields = [Asked(key=TAG, name="__typename"), *fields]
        return f"(select {self.object(fields, of, its)} from {SHAPES[of].table} {its} where {where(its)})"

    def _listed(self, asked: Asked, source: Listed, row: str) -> str:
        its = self.alias()
        built = self.object(asked.of[source.of], source.of, its)
        where = self._fill(source.where, asked, {}, row=row, its=its)
        rows = f"select * from {SHAPES[source.of].table} {its} where {where} order by {source.order}"
        return f"(select coalesce(json_agg({built}), '[]') from ({rows}) {its})"

    def _fill(self, sql: str, asked: Asked, arguments: Mapping[str, Argument], **names: str) -> str:
        """The SQL of the map with its placeholders filled in."""

        def filling(match: re.Match[str]) -> str:
            name = match[1]
            if name == "signer":
                return self.bind("signer", lambda bound: bound.signer, "text[]")
            return names.get(name) or self.argument(asked, name, arguments[name])

        return PLACEHOLDER.sub(filling, sql)

    def argument(self, asked: Asked, name: str, argument: Argument) -> str:
        number, read = asked.number, argument.read
        return self.bind(
            (number, name), lambda bound: read(given(bound.arguments[number])[name]), argument.type
        )


class _Page:
    """One connection: what is built of each row of the page, and of the page as a whole."""

    def __init__(self, compiler: _Compiler, asked: Asked, source: Pages, row: str) -> None:
        self.compiler = compiler
        self.asked = asked
        self.source = source
        self.row = row
        self.its = compiler.alias()
        self.page = compiler.alias()
        self.given = given(asked.arguments)
        self.order = source.order_for(self.given)
        self.columns: list[str] = []
        self.parts = asked.of[f"{source.of}Connection"]
        self.looks_ahead = any(
            each.name == "hasNextPage"
            for part in self.parts
            if part.name == "pageInfo"
            for each in part.of["PageInfo"]
        )

    @property
    def first(self) -> str:
        return self.compiler.argument(self.asked, "first", Argument("integer"))

    def connection(self) -> str:
        built = self.compiler.pairs(self.parts, self._value)
        if not self.columns:
            return f"(select {built})"
        return f"(select {built} from ({self._rows()}) {self.page})"

    def _value(self, asked: Asked) -> str:
        match asked.name:
            case "nodes":
                return self._gathered(
                    self.compiler.object(asked.of[self.source.of], self.source.of, self.its)
                )
            case "edges":
                return self._gathered(self.compiler.pairs(asked.of[f"{self.source.of}Edge"], self._edge))
            case "pageInfo":
                return self.compiler.pairs(asked.of["PageInfo"], self._page_info)
            case "totalCount":
                table = SHAPES[self.source.of].table
                return f"(select count(*) from {table} {self.its} where {self._where()})"
        return self.compiler.value(asked, f"{self.source.of}Connection", "")

    def _edge(self, asked: Asked) -> str:
        match asked.name:
            case "node":
                return self.compiler.object(asked.of[self.source.of], self.source.of, self.its)
            case "cursor":
                return self._cursor()
        return self.compiler.value(asked, f"{self.source.of}Edge", "")

    def _page_info(self, asked: Asked) -> str:
        match asked.name:
            case "hasNextPage":
                self._column("1")
                return f"count(*) > {self.first}"
            case "hasPreviousPage":
                return "true" if "after" in self.given else "false"
            case "startCursor":
                return f"(array_agg({self._column(self._cursor())}))[1]"
            case "endCursor":
                return f"(array_agg({self._column(self._cursor())}))[least(count(*), {self.first})]"
        return self.compiler.value(asked, "PageInfo", "")

    def _gathered(self, built: str) -> str:
        """The page's rows as a list, without the one that only tells that more follow."""
        column = self._column(built)
        within = f" filter (where {self.page}.place <= {self.first})" if self.looks_ahead else ""
        return f"coalesce(json_agg({column}){within}, '[]')"

    def _column(self, built: str) -> str:
        if built not in self.columns:
            self.columns.append(built)
        return f"{self.page}.c{self.columns.index(built)}"

    def _rows(self) -> str:
        """The page, limited first, and then what is built of each of its rows."""
        built = [f"{each} as c{number}" for number, each in enumerate(self.columns)]
        place = ["row_number() over () as place"] if self.looks_ahead else []
        limit = f"{self.first} + 1" if self.looks_ahead else self.first
        direction = " desc" if self.order.descending else ""
        order = ", ".join(f"{self.its}.{column}{direction}" for column in self.order.columns)
        return (
            f"select {', '.join(built + place)} from (select * from {SHAPES[self.source.of].table} {self.its}"
            f" where {self._where()}{self._past()} order by {order} limit {limit}) {self.its}"
        )

    def _where(self) -> str:
        source, fill = self.source, self.compiler._fill
        conditions = [fill(source.where, self.asked, {}, row=self.row, its=self.its)]
        if source.trash:
            state = "is not null" if self.given.get("deleted") else "is null"
            conditions.append(f"{self.its}.deleted_at {state}")
        for name, condition in source.conditions.items():
            if name in self.given:
                value = self.compiler.argument(self.asked, name, condition.value)
                conditions.append(fill(condition.sql, self.asked, {}, its=self.its, value=value))
        return " and ".join(conditions)

    def _past(self) -> str:
        """Past the cursor's keys, by the same columns as the order."""
        if "after" not in self.given:
            return ""
        number, source, order = self.asked.number, self.source, self.order
        keys = [
            self.compiler.bind((number, "after", place), _bound_of(source, order, number, place), type)
            for place, (_, type, _) in enumerate(order.keys)
        ]
        columns = ", ".join(f"{self.its}.{column}" for column in order.columns)
        return f" and ({columns}) {'<' if order.descending else '>'} ({', '.join(keys)})"

    def _cursor(self) -> str:
        keys = ", ".join(f"{self.its}.{column}" for column in self.order.columns)
        return f"studio.cursor(json_build_array('{self.source.name}', {keys}))"


def _key_of(place: int) -> Parameter:
    return lambda bound: bound.keys[place]


def _bound_of(source: Pages, order: Order, number: int, place: int) -> Parameter:
    return lambda bound: source.bounds(bound.arguments[number]["after"], order)[place]


def _column(name: str) -> str:
    return WORD_START.sub("_", name).lower()
