"""One connection in SQL: its page is limited first, then each of its parts is read from the page.

Of a page of which the nodes alone are asked, they are read from the table: that saves a few microseconds a
page, which counts where it is in a list.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from db.reading.map import SHAPES
from db.reading.selection import Asked
from db.reading.shapes import Pages

if TYPE_CHECKING:
    from db.reading.compiler import Compiler, Parameter

__all__ = ["Page"]


class Page:
    """The rows of a page, and one more where more follow, which is no part of it."""

    def __init__(self, compiler: "Compiler", asked: Asked, source: Pages, parent: str, row: str) -> None:
        self.compiler = compiler
        self.asked = asked
        self.source = source
        self.of = f"{parent}.{asked.name}"
        self.row = row
        self.its = compiler.alias()
        self.page = compiler.alias()
        self.order = source.order_for(asked.arguments)
        self.parts = asked.of[f"{source.of}Connection"]
        self.is_plain = not {each.name for each in self.parts} & {"edges", "pageInfo"}

    def connection(self) -> str:
        """What is asked of the connection."""
        built = self.compiler.pairs(self.parts, self._value)
        if self.is_plain:
            return built
        return f"(with {self.page} as (select * {self._rows()} + 1) select {built})"

    @property
    def _first(self) -> str:
        return self.compiler.argument(self.asked, "first")

    def _value(self, asked: Asked) -> str:
        of = self.source.of
        match asked.name:
            case "nodes":
                return self._list(asked.of[of], lambda each: self.compiler.value(each, of, self.its))
            case "edges":
                return self._list(asked.of[f"{of}Edge"], self._edge)
            case "pageInfo":
                return self.compiler.pairs(asked.of["PageInfo"], self._page_info)
            case "totalCount":
                return f"(select count(*) {self._all()})"
        return self.compiler.value(asked, f"{of}Connection", "")

    def _edge(self, asked: Asked) -> str:
        of = self.source.of
        match asked.name:
            case "node":
                return self.compiler.object(asked.of[of], of, self.its)
            case "cursor":
                return self._cursor()
        return self.compiler.value(asked, f"{of}Edge", "")

    def _page_info(self, asked: Asked) -> str:
        match asked.name:
            case "hasNextPage":
                return f"(select count(*) > {self._first} from {self.page})"
            case "hasPreviousPage":
                return "true" if "after" in self.asked.arguments else "false"
            case "startCursor":
                return f"(select {self._cursor()} from {self.page} {self.its} limit 1)"
            case "endCursor":
                order = self._columns("" if self.order.descending else " desc")
                return f"(select {self._cursor()} {self._shown()} order by {order} limit 1)"
        return self.compiler.value(asked, "PageInfo", "")

    def _list(self, fields: Sequence[Asked], value: Callable[[Asked], str]) -> str:
        return self.compiler.list(fields, value, self.its, self._shown())

    def _shown(self) -> str:
        if self.is_plain:
            return self._rows()
        return f"from (select * from {self.page} limit {self._first}) {self.its}"

    def _rows(self) -> str:
        order = self._columns(" desc" if self.order.descending else "")
        return f"{self._all()}{self._past()} order by {order} limit {self._first}"

    def _all(self) -> str:
        """Of the whole list, whatever the page."""
        conditions = [self.source.where]
        if self.source.trash:
            conditions.append(
                f"{{its}}.deleted_at is {'not null' if self.asked.arguments.get('deleted') else 'null'}"
            )
        conditions += [sql for name, sql in self.source.conditions.items() if name in self.asked.arguments]
        where = self.compiler.fill(" and ".join(conditions), self.asked, row=self.row, its=self.its)
        return f"from {SHAPES[self.source.of].table} {self.its} where {where}"

    def _past(self) -> str:
        """Past the cursor's keys, by the same columns as the order."""
        if "after" not in self.asked.arguments:
            return ""
        number, keys = self.asked.number, range(len(self.order.keys))
        bounds = [self.compiler.bind((number, "after", each), self._key(each)) for each in keys]
        return f" and ({self._columns()}) {'<' if self.order.descending else '>'} ({', '.join(bounds)})"

    def _key(self, place: int) -> "Parameter":
        number, order, of = self.asked.number, self.order, self.of
        return lambda bound: order.bounds(of, bound.arguments[number]["after"])[place]

    def _cursor(self) -> str:
        return f"studio.cursor(json_build_array('{self.of}', {self._columns()}))"

    def _columns(self, direction: str = "") -> str:
        """That the list is ordered by."""
        return ", ".join(f"{self.its}.{column}{direction}" for column, _ in self.order.keys)
