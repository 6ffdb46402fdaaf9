"""Random documents of the whole of the language, valid and within the service's limits.

hypothesis-graphql writes neither variables nor named fragments and knows no limits; test_sameness has some of
its documents too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLNonNull, GraphQLObjectType, GraphQLSchema
from hypothesis import strategies as st

from tests.oracle.lists import LISTS
from tests.oracle.stock import Stock
from tests.oracle.values import Values, literal, plain_type

__all__ = ["Asked", "Drawn", "asked"]

DEEPEST = 11
UNPAGED = 3
LEFT_OUT = frozenset({"Query.models", "Query.previewBatch", "Viewer.usage"})
"""What is not read from the tables alone."""
KEYS = ("id", "name", "nodes", "__proto__", "constructor", "_", "ROW_NUMBER", "a" * 100)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one user asks."""

    user: UUID | None
    query: str
    variables: dict[str, Any]
    name: str | None


class Drawn:
    """Chance that hypothesis remembers, and can make simpler."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def one(self, of: Sequence[Any]) -> Any:
        return of[self._draw(_below(len(of)))]

    def once_in(self, times: int) -> bool:
        return bool(self._draw(_below(times)) == times - 1)


def _below(end: int) -> st.SearchStrategy[int]:
    return st.integers(min_value=0, max_value=end - 1)


@st.composite
def asked(draw: st.DrawFn, stock: Stock) -> Asked:
    """A document, its variables, and who asks: mostly the user who has most."""
    choose = Drawn(draw)
    writer = _Writer(
        schema=stock.schema,
        choose=choose,
        values=Values(stock, choose),
        fields=choose.one((40, 60, 10, 20)),
    )
    selection = writer.selection(stock.schema.query_type, DEEPEST, 1)
    body = f"{selection} {' '.join(writer.fragments)}"
    used = {name: type for name, type in writer.declared.items() if re.search(rf"\${name}\b", body)}
    declared = ", ".join(f"${name}: {type}" for name, type in used.items())
    name = "Mine" if choose.once_in(4) else None
    return Asked(
        user=choose.one((stock.users[0],) * 7 + (*stock.users, None)),
        query=f"query {name or ''}{f'({declared})' if declared else ''} {body}"
        + (" query Other { __typename }" if name else ""),
        variables={name: value for name, value in writer.given.items() if name in used},
        name=name,
    )


@dataclass(frozen=True, kw_only=True)
class _Fragment:
    """What one more spread of it costs; room is how deep it was allowed to go."""

    name: str
    room: int
    fields: int
    aliases: int
    directives: int
    cost: int


@dataclass(kw_only=True)
class _Writer:
    """Writes one document; counts down what it still may have."""

    schema: GraphQLSchema
    choose: Drawn
    values: Values
    fields: int
    aliases: int = 12
    directives: int = 6
    cost: int = 3_000
    nested: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    spreadable: dict[str, list[_Fragment]] = field(default_factory=dict)
    taken: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    asked_for: dict[str, str] = field(default_factory=dict)

    def selection(self, type: Any, room: int, rows: int) -> str:
        """The selection of a type, braces and all; rows is how many objects have it."""
        parts = [self._part(type, room, rows) for _ in range(1 + self.choose.one((0, 1, 2, 3, 4)))]
        wanted = [part for part in parts if part]
        return f"{{ {' '.join(wanted) if wanted else '__typename'} }}"

    def _part(self, type: Any, room: int, rows: int) -> str:
        if isinstance(type, GraphQLInterfaceType):
            return self._of_interface(type, room, rows)
        match self.choose.one(range(12)):
            case 11 if self._may_nest():
                return f"... {self._condition(type)}{self._directive()}{self.selection(type, room, rows)}"
            case 10 if self._may_nest():
                return self._spread(type, room, rows)
            case 0:
                return self._keyed("__typename", "", "String!")
            case _:
                return self._field(type, room, rows)

    def _may_nest(self) -> bool:
        """Fragments within fragments have an end too."""
        self.nested += 1
        return self.nested <= 20

    def _of_interface(self, type: GraphQLInterfaceType, room: int, rows: int) -> str:
        kinds = sorted(self.schema.get_implementations(type).objects, key=lambda kind: kind.name)
        if self.choose.once_in(4):
            return self._keyed(self.choose.one(("id", "__typename")), "", "ID!")
        kind = self.choose.one(kinds)
        if self.choose.once_in(4):
            return self._spread(kind, room, rows)
        return f"... on {kind.name} {self._directive()}{self.selection(kind, room, rows)}"

    def _condition(self, type: GraphQLObjectType) -> str:
        names = ["", f"on {type.name} ", *(f"on {each.name} " for each in type.interfaces)]
        condition = self.choose.one(names)
        return condition if condition.strip("on ") in ("", type.name) else f"on {type.name} "

    def _spread(self, type: Any, room: int, rows: int) -> str:
        """One that is there already, or a new one."""
        for each in self.spreadable.get(type.name, ()):
            if self._affords(each, room, rows) and self.choose.once_in(2):
                self._pay(each, rows)
                return f"...{each.name} {self._directive()}"
        return f"...{self._new_fragment(type, room, rows)} {self._directive()}"

    def _new_fragment(self, type: Any, room: int, rows: int) -> str:
        before = (self.fields, self.aliases, self.directives, self.cost)
        body = self.selection(type, room, rows)
        fragment = _Fragment(
            name=f"F{len(self.fragments)}",
            room=room,
            fields=before[0] - self.fields,
            aliases=before[1] - self.aliases,
            directives=before[2] - self.directives,
            cost=(before[3] - self.cost) // rows,
        )
        self.fragments.append(f"fragment {fragment.name} on {type.name} {body}")
        self.spreadable.setdefault(type.name, []).append(fragment)
        return fragment.name

    def _affords(self, fragment: _Fragment, room: int, rows: int) -> bool:
        return (
            room >= fragment.room
            and self.fields >= fragment.fields
            and self.aliases >= fragment.aliases
            and self.directives >= fragment.directives
            and self.cost >= fragment.cost * rows
        )

    def _pay(self, fragment: _Fragment, rows: int) -> None:
        self.fields -= fragment.fields
        self.aliases -= fragment.aliases
        self.directives -= fragment.directives
        self.cost -= fragment.cost * rows

    def _field(self, type: GraphQLObjectType, room: int, rows: int) -> str:
        names = [name for name in type.fields if f"{type.name}.{name}" not in LEFT_OUT]
        deep = [name for name in names if hasattr(plain_type(type.fields[name].type), "fields")]
        name = self.choose.one(deep if deep and self.choose.once_in(2) else names)
        known = type.fields[name]
        is_leaf = name not in deep
        if self.fields <= 0 or (not is_leaf and room < 4):
            return ""
        self.fields -= 1
        if is_leaf:
            arguments, _ = self._arguments(f"{type.name}.{name}", known, rows)
            return self._keyed(name, arguments, str(known.type)) and f"{self._last} {self._directive()}"
        return self._with_selection(f"{type.name}.{name}", known, room, rows)

    def _with_selection(self, place: str, known: GraphQLField, room: int, rows: int) -> str:
        name = place.partition(".")[2]
        arguments, length = self._arguments(place, known, rows)
        is_list = place in LISTS or (str(known.type).startswith("[") and name not in ("nodes", "edges"))
        inside = rows * length if is_list else rows
        if is_list and inside > self.cost:
            return ""
        if not self._keyed(name, arguments, str(known.type)):
            return ""
        before = self._last
        self.cost -= inside if is_list else 0
        directive = self._directive()
        return f"{before} {directive}{self.selection(plain_type(known.type), room - 1, inside)}"

    def _keyed(self, name: str, arguments: str, type: str) -> str:
        """The field under a key that stands for nothing else in the document; empty without one left."""
        written = (name, arguments, "ID!" if name == "__typename" else type)
        key = self.choose.one(KEYS) if self.choose.once_in(25) else name
        if self.choose.once_in(6) or self.taken.get(key, written) != written:
            key = f"x{len(self.taken)}"
        if key != name:
            if self.aliases <= 0:
                return ""
            self.aliases -= 1
        self.taken[key] = written
        self._last = (f"{key}: " if key != name else "") + name + arguments
        return self._last

    def _arguments(self, place: str, known: GraphQLField, rows: int) -> tuple[str, int]:
        """As written, and how long a list they ask for at most."""
        if again := self._again(place):
            return again
        written, length = [], LISTS[place].length if place in LISTS else UNPAGED
        for name, argument in known.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            dear = name == "first" and rows * length > self.cost // 8
            if not required and not dear and self.choose.once_in(2):
                continue
            value = self.values.of(place, name, argument.type)
            if dear and (value is None or value > 3):
                value = 1
            text, other = self._argument(place, name, argument.type, value, fixed=dear)
            written.append(f"{name}: {text}")
            if name == "first":
                lengths = [each or length for each in (value, other)]
                length = max(1, *lengths)
        self.asked_for[place] = f"({', '.join(written)})" if written else ""
        return self.asked_for[place], length

    def _again(self, place: str) -> tuple[str, int] | None:
        """The same field once more, to be merged; lists alone would have to be counted anew."""
        if place in LISTS or place not in self.asked_for or not self.choose.once_in(3):
            return None
        return self.asked_for[place], UNPAGED

    def _argument(self, place: str, name: str, type: Any, value: Any, *, fixed: bool) -> tuple[str, Any]:
        """Literal or variable; also the other value that may count for a limit."""
        if fixed or self.choose.once_in(2):
            return literal(value, type), value
        variable = f"v{len(self.declared)}"
        default = self.values.of(place, name, type) if self.choose.once_in(3) else None
        declared = str(type)
        if value is not None and default is None and self.choose.once_in(3):
            declared = f"{declared.rstrip('!')}!"
        if default is not None:
            declared += f" = {literal(default, type)}"
        self.declared[variable] = declared
        is_left_out = default is not None or (value is None and not declared.endswith("!"))
        if not (is_left_out and self.choose.once_in(2)):
            self.given[variable] = value
        return f"${variable}", default

    def _directive(self) -> str:
        if self.directives <= 0 or not self.choose.once_in(9):
            return ""
        self.directives -= 1
        name = self.choose.one(("include", "skip"))
        value = self.choose.one((name == "include",) * 2 + (True, False))
        if self.choose.once_in(2):
            return f"@{name}(if: {literal(value, None)}) "
        variable = f"v{len(self.declared)}"
        self.declared[variable] = "Boolean!"
        self.given[variable] = value
        return f"@{name}(if: ${variable}) "
