"""What is asked for, free of GraphQL's syntax: fields by response key, fragments and directives resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Arguments", "Asked", "Bound"]

Arguments: TypeAlias = Mapping[str, Any]
"""What is given of a field's arguments and of the fields of its argument `filter`, by name: none is null."""


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
