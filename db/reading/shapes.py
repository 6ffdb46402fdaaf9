"""The words of the map: what a field of the API is read from, where that is not the column of its name.

SQL in them is ours alone. In it {row} is the row that the field is of, {its} the row that is read for it, and
any other name in braces what a request brings: one of db.reading.compiler.NAMED, or an argument of the field.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from db.reading.selection import Arguments
from engine.cursors import BadCursorError, decode_keys

__all__ = ["Expression", "Listed", "One", "Order", "Pages", "Part", "Shape", "Source"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A value of the row itself."""

    sql: str


@dataclass(frozen=True, slots=True)
class Part:
    """An object that lies in the same row; null where `when` does not hold."""

    of: str
    when: str = "true"


@dataclass(frozen=True, slots=True)
class One:
    """One row of the field's own type, or of whichever of an interface's the condition holds for; or null."""

    where: str


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows of another shape for which the condition holds, in order."""

    of: str
    where: str
    order: str


@dataclass(frozen=True, slots=True)
class Order:
    """The keys a list is ordered by: each a column, and how a cursor's key is read."""

    keys: Sequence[tuple[str, Callable[[Any], Any]]]
    descending: bool = False

    def bounds(self, place: str, after: str) -> tuple[Any, ...]:
        """The keys after which a page begins; place is the list's own in the API. Raises BadCursorError."""
        name, *keys = decode_keys(after) or [None]
        if name != place or len(keys) != len(self.keys):
            raise BadCursorError
        return tuple(read(key) for (_, read), key in zip(self.keys, keys, strict=True))


@dataclass(frozen=True, slots=True)
class Pages:
    """A connection: rows of another shape for which the condition holds, a page at a time.

    Where an argument, or a field of the argument `filter`, in `conditions` is given, that must hold as well;
    where one in `orders` is, its order counts. A list that has a trash shows it alone where `deleted` is
    true, and leaves it out otherwise.
    """

    of: str
    order: Order
    where: str
    conditions: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    trash: bool = False

    def order_for(self, arguments: Arguments) -> Order:
        return next((order for name, order in self.orders.items() if name in arguments), self.order)


Source: TypeAlias = Expression | Part | One | Listed | Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A type of the API: its table, and the fields that are not the column of their own name."""

    table: str | None = None
    fields: Mapping[str, Source] = field(default_factory=dict)
