"""What is asked for, free of GraphQL's syntax: fields by response key, fragments and directives resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Arguments", "Asked", "Bound", "given", "value_of"]

Arguments: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One field: its response key, and what is asked of it by the type that it may turn out to be.

    arguments are the values it has in this request; number is the field's place among those with arguments,
    by which another request of the same form finds its own.
    """

    key: str
    name: str
    arguments: Arguments = field(default_factory=dict)
    number: int = 0
    of: Mapping[str, Sequence["Asked"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a request brings: each field's arguments by its number, and what statements call by name.

    signer are the hour's keys for studio.signed_address.
    """

    arguments: Sequence[Arguments]
    named: Mapping[str, Any]


def value_of(arguments: Arguments, name: str) -> Any:
    """That of an argument, or of a field of the argument `filter`, which is given."""
    value = arguments.get(name)
    return arguments["filter"][name] if value is None else value


def given(arguments: Arguments) -> Arguments:
    """The arguments and the filter's fields that are not null, by name."""
    all = {**arguments, **(arguments.get("filter") or {})}
    return {name: value for name, value in all.items() if value is not None}
