"""How large a document is, found in one pass before it is validated; pure.

Each fragment is measured once, however often it is spread: 20 fragments, each spread twice in the next, are
measured in microseconds as the million fields that they ask for. A document may be anything that parses; what
the schema does not know is counted without its type, and left to validation.
"""

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)

__all__ = ["LARGEST_PAGE", "Limits", "Size", "excess", "measure"]

LARGEST_PAGE = 100
UNPAGED = 3
"""How long a list of objects without pages is taken to be."""
OF_A_PAGE = frozenset({"edges", "nodes"})
INTROSPECTION = frozenset({"__schema", "__type"})
DEEPEST = 150
"""Selections within selections, fragments included, as far as the pass goes: the stack has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a document may have at most."""

    depth: int = 12
    fields: int = 500
    aliases: int = 30
    directives: int = 8
    tokens: int = 2_000
    cost: int = 10_000


class Size(NamedTuple):
    """What selections ask for, every spread counted; depth leaves introspection out, cost is in rows."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0
    introspects: bool = False

    def beside(self, other: "Size") -> "Size":
        """Both in one selection."""
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.cost + other.cost,
            self.introspects or other.introspects,
        )

    def under(self, directives: Sized | None) -> "Size":
        """The same with what is written before it."""
        return self._replace(directives=self.directives + len(directives)) if directives else self


NOTHING = Size()
BOTTOMLESS = Size(depth=DEEPEST, fields=1_000_000)


def measure(
    document: DocumentNode, schema: GraphQLSchema, variables: Mapping[str, Any] | None = None
) -> Size:
    """The size of the largest operation, by each of its measures."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    pages = _defaults(operations) | dict(variables or {})
    scale = _Scale(document, schema, pages)
    sizes = [scale.operation(each) for each in operations] or [NOTHING]
    return Size(*map(max, zip(*sizes, strict=True)))


def excess(size: Size, limits: Limits) -> str | None:
    """What is too much, in a sentence for the client."""
    for name in ("depth", "fields", "aliases", "directives", "cost"):
        found, most = getattr(size, name), getattr(limits, name)
        if found > most:
            return f"The document is too large: its {name} may be {most} at most."
    return None


class _Scale:
    """One pass over one document; pages are the values of variables."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema, pages: Mapping[str, Any]) -> None:
        self.schema = schema
        self.pages = pages
        self.sizes: dict[str, Size] = {}
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }

    def operation(self, node: OperationDefinitionNode) -> Size:
        size = self._selections(node.selection_set, self.schema.get_root_type(node.operation), 0)
        for each in node.variable_definitions or ():
            size = size.under(each.directives)
        return size.under(node.directives)

    def _selections(self, node: SelectionSetNode | None, parent: GraphQLNamedType | None, level: int) -> Size:
        if level > DEEPEST:
            return BOTTOMLESS
        total = NOTHING
        for each in node.selections if node else ():
            total = total.beside(self._selection(each, parent, level).under(each.directives))
        return total

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, parent, level)
        if isinstance(node, InlineFragmentNode):
            inner = self.schema.get_type(node.type_condition.name.value) if node.type_condition else parent
            return self._selections(node.selection_set, inner, level + 1)
        return self._fragment(node.name.value, level)  # type: ignore[attr-defined]

    def _fragment(self, name: str, level: int) -> Size:
        """Nothing for one that does not exist or is within itself: validation refuses both."""
        fragment = self.fragments.get(name)
        if fragment is None:
            return NOTHING
        if name not in self.sizes:
            self.sizes[name] = NOTHING
            parent = self.schema.get_type(fragment.type_condition.name.value)
            size = self._selections(fragment.selection_set, parent, level + 1)
            self.sizes[name] = size.under(fragment.directives)
        return self.sizes[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Size:
        name = node.name.value
        field = self.schema.get_field(parent, name) if is_composite_type(parent) else None
        inner = self._selections(node.selection_set, get_named_type(field.type) if field else None, level + 1)
        rows = self._rows(field, node)
        introspects = name in INTROSPECTION
        return Size(
            depth=0 if introspects else inner.depth + 1,
            fields=inner.fields + 1,
            aliases=inner.aliases + (node.alias is not None),
            directives=inner.directives,
            cost=rows * (1 + inner.cost) if rows else inner.cost,
            introspects=inner.introspects or introspects,
        )

    def _rows(self, field: GraphQLField | None, node: FieldNode) -> int:
        """How many a list may give; 0 for what is no list of objects, or as long as the page it is in."""
        if field is None:
            return 0
        if "first" in field.args:
            return self._page(field.args["first"].default_value, node.arguments or ())
        own_length = _is_list(field) and node.name.value not in OF_A_PAGE
        return UNPAGED if own_length and is_composite_type(get_named_type(field.type)) else 0

    def _page(self, default: Any, arguments: Sequence[ArgumentNode]) -> int:
        given = next((each.value for each in arguments if each.name.value == "first"), None)
        value = self.pages.get(given.name.value) if isinstance(given, VariableNode) else _whole(given)
        usable = value if isinstance(value, int | float) else default
        return int(min(max(usable, 1), LARGEST_PAGE)) if isinstance(usable, int | float) else LARGEST_PAGE


def _defaults(operations: Sequence[OperationDefinitionNode]) -> dict[str, Any]:
    """Of variables that are numbers; the largest where operations differ, for they share the fragments."""
    found: dict[str, Any] = {}
    for name, value in _default_values(operations):
        found[name] = max(value, found.get(name, value))
    return found


def _default_values(operations: Sequence[OperationDefinitionNode]) -> Iterator[tuple[str, int]]:
    for operation in operations:
        for each in operation.variable_definitions or ():
            value = _whole(each.default_value)
            if value is not None:
                yield each.variable.name.value, value


def _whole(node: Any) -> int | None:
    """None for a number that no page has."""
    return int(node.value) if isinstance(node, IntValueNode) and len(node.value) <= 9 else None


def _is_list(field: GraphQLField) -> bool:
    type = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    return bool(is_list_type(type))
