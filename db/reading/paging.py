"""One connection in SQL: the page is limited, then its rows are built, then what is said of it as a whole."""

from typing import TYPE_CHECKING

from db.reading.selection import Asked, given
from db.reading.shapes import Argument, Pages

if TYPE_CHECKING:
    from db.reading.compiler import Compiler, Parameter

__all__ = ["Page"]

OF_THE_WHOLE = frozenset({"nodes", "totalCount", "__typename"})
"""For which no row has to be known by its place in the page."""


class Page:
    """What is built of each row of a page, its columns, and of the page as a whole."""

    def __init__(self, compiler: "Compiler", asked: Asked, source: Pages, parent: str, row: str) -> None:
        self.compiler = compiler
        self.asked = asked
        self.source = source
        self.of = f"{parent}.{asked.name}"
        self.row = row
        self.its = compiler.alias()
        self.page = compiler.alias()
        self.given = given(asked.arguments)
        self.order = source.order_for(self.given)
        self.parts = asked.of[f"{source.of}Connection"]
        self.is_plain = {each.name for each in self.parts} <= OF_THE_WHOLE
        self.looks_ahead = any(
            each.name == "hasNextPage"
            for part in self.parts
            if part.name == "pageInfo"
            for each in part.of["PageInfo"]
        )
        self.columns: list[str] = []

    def connection(self) -> str:
        """What is asked of the connection."""
        values = {each.key: self._value(each) for each in self.parts}
        rest = f"from ({self._rows()}) {self.page}" if self.columns else ""
        return self.compiler.pairs(self.parts, lambda each: values[each.key], rest)

    @property
    def _first(self) -> str:
        return self.compiler.argument(self.asked, "first", Argument("integer"))

    def _value(self, asked: Asked) -> str:
        of = self.source.of
        match asked.name:
            case "nodes" if self.is_plain:
                return self.compiler.list(asked.of[of], of, self.its, self._limited())
            case "nodes":
                return self._gathered(self.compiler.object(asked.of[of], of, self.its))
            case "edges":
                return self._gathered(self.compiler.pairs(asked.of[f"{of}Edge"], self._edge))
            case "pageInfo":
                return self.compiler.json(asked.of["PageInfo"], self._page_info)
            case "totalCount":
                return f"(select count(*) from {self._table} where {self._where()})"
        return self.compiler.value(asked, f"{of}Connection", "")

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
                return f"count(*) > {self._first}"
            case "hasPreviousPage":
                return "true" if "after" in self.given else "false"
            case "startCursor":
                return f"(array_agg({self._column(self._cursor())}))[1]"
            case "endCursor":
                return f"(array_agg({self._column(self._cursor())}))[least(count(*), {self._first})]"
        return self.compiler.value(asked, "PageInfo", "")

    def _gathered(self, built: str) -> str:
        """The page's rows as a list, without the one that only tells that more follow."""
        column = self._column(built)
        within = f" filter (where {self.page}.place <= {self._first})" if self.looks_ahead else ""
        return f"coalesce(json_agg({column}){within}, '[]')"

    def _column(self, built: str) -> str:
        if built not in self.columns:
            self.columns.append(built)
        return f"{self.page}.c{self.columns.index(built)}"

    def _rows(self) -> str:
        columns = [f"{each} as c{number}" for number, each in enumerate(self.columns)]
        if self.looks_ahead:
            columns.append("row_number() over () as place")
        return f"select {', '.join(columns)} from (select * from {self._table} {self._limited()}) {self.its}"

    @property
    def _table(self) -> str:
        return f"{self.compiler.table(self.source.of)} {self.its}"

    def _limited(self) -> str:
        """From `where` on."""
        order = self._columns(" desc" if self.order.descending else "")
        limit = f"{self._first} + 1" if self.looks_ahead else self._first
        return f"where {self._where()}{self._past()} order by {order} limit {limit}"

    def _where(self) -> str:
        fill = self.compiler.fill
        conditions = [fill(self.source.where, self.asked, {}, row=self.row, its=self.its)]
        if self.source.trash:
            state = "is not null" if self.given.get("deleted") else "is null"
            conditions.append(f"{self.its}.deleted_at {state}")
        for name, condition in self.source.conditions.items():
            if name in self.given:
                value = self.compiler.argument(self.asked, name, condition.value)
                conditions.append(fill(condition.sql, self.asked, {}, its=self.its, value=value))
        return " and ".join(conditions)

    def _past(self) -> str:
        """Past the cursor's keys, by the same columns as the order."""
        if "after" not in self.given:
            return ""
        keys = [
            self.compiler.bind((self.asked.number, "after", place), self._key(place), type)
            for place, (_, type, _) in enumerate(self.order.keys)
        ]
        return f" and ({self._columns()}) {'<' if self.order.descending else '>'} ({', '.join(keys)})"

    def _key(self, place: int) -> "Parameter":
        number, order, of = self.asked.number, self.order, self.of
        return lambda bound: order.bounds(of, bound.arguments[number]["after"])[place]

    def _cursor(self) -> str:
        return f"studio.cursor(json_build_array('{self.of}', {self._columns()}))"

    def _columns(self, direction: str = "") -> str:
        """That the list is ordered by."""
        return ", ".join(f"{self.its}.{column}{direction}" for column, _, _ in self.order.keys)
