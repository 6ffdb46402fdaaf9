"""Rows kept by column: there may be a thousand, and what is done to all is done to a column at once."""

from collections.abc import Collection, Iterator, Sequence
from itertools import starmap
from typing import Any, TypeVar

__all__ = ["Columns"]

Row = TypeVar("Row", bound=tuple[Any, ...])


class Columns(Collection[Row]):
    """Many of a NamedTuple, in order; a column not given, or empty, is the field's default throughout."""

    def __init__(self, kind: type[Row], length: int, **columns: Sequence[Any]) -> None:
        self.kind = kind
        self.length = length
        self.columns = {name: values for name, values in columns.items() if values}

    @classmethod
    def of(cls, kind: type[Row], rows: Collection[Row]) -> "Columns[Row]":
        """The rows themselves, where they are kept by column already."""
        if isinstance(rows, Columns):
            return rows
        columns = {name: [row[place] for row in rows] for place, name in enumerate(_fields(kind))}
        return cls(kind, len(rows), **columns)

    def given(self, name: str) -> Sequence[Any]:
        """The column, or nothing where it is the default throughout."""
        return self.columns.get(name, ())

    def column(self, name: str) -> Sequence[Any]:
        return self.given(name) or [_defaults(self.kind).get(name)] * self.length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Row]:
        return starmap(self.kind, zip(*map(self.column, _fields(self.kind)), strict=True))

    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)

    def __add__(self, other: "Columns[Row]") -> "Columns[Row]":
        columns = {name: [*self.column(name), *other.column(name)] for name in self.columns | other.columns}
        return Columns(self.kind, self.length + other.length, **columns)


def _fields(kind: Any) -> tuple[str, ...]:
    fields: tuple[str, ...] = kind._fields
    return fields


def _defaults(kind: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = kind._field_defaults
    return defaults
