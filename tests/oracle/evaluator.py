"""GraphQL once more, small and plain: a document over a table of functions, one a field.

graphql-core parses the document and knows the SDL; what follows (variables, fragments, directives, merging,
nulls) is written anew from the specification, for the service's own way goes through graphql-core's executor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    parse,
    type_from_ast,
)

__all__ = ["Evaluation", "FieldFault", "Problem", "Refused", "Thing"]

Path: TypeAlias = tuple[str | int, ...]
MISSING = object()
WHOLE = 2**31


class Thing(NamedTuple):
    """An object of a type, and what its fields are taken from."""

    type: str
    row: Mapping[str, Any]


class Problem(NamedTuple):
    """An error, by what a program reads of it."""

    path: Path | None
    code: str | None


class Refused(Exception):  # noqa: N818 - an outcome
    """The operation does not run."""

    def __init__(self, *codes: str | None) -> None:
        super().__init__(codes)
        self.problems = [Problem(None, code) for code in codes]


class FieldFault(Exception):  # noqa: N818 - an outcome
    """The field has an error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _NoParent(Exception):  # noqa: N818 - an outcome
    """A field that is never null has no value: neither has what it is in."""


Resolve: TypeAlias = Callable[[Thing, str, Mapping[str, Any]], Any]
"""The value of a thing's field: a plain value, Things, or a list. Raises FieldFault."""


@dataclass(kw_only=True)
class Evaluation:
    """One operation of one document. Raises Refused where its variables do not fit."""

    schema: GraphQLSchema
    query: str
    given: Mapping[str, Any]
    name: str | None
    resolve: Resolve
    document: DocumentNode = field(init=False)
    operation: OperationDefinitionNode = field(init=False)
    variables: dict[str, Any] = field(init=False, default_factory=dict)
    problems: list[Problem] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.document = parse(self.query)
        self.operation = next(
            each
            for each in self.document.definitions
            if isinstance(each, OperationDefinitionNode)
            and (self.name is None or (each.name is not None and each.name.value == self.name))
        )

    def data(self) -> Any:
        """The answer's data; problems then holds its errors."""
        self.variables = dict(self._variables())
        root = Thing(self.schema.query_type.name, {})  # type: ignore[union-attr]
        try:
            return self._object(root, [self.operation.selection_set], ())
        except _NoParent:
            return None

    def page_arguments(self) -> Iterator[tuple[str, str, Any]]:
        """Every argument of every field that the operation's document has, skipped or not, with its value."""
        given = dict(self._given())
        for definition in self.document.definitions:
            if definition is self.operation:
                yield from self._arguments_in(self.operation.selection_set, self.schema.query_type, given)
            elif isinstance(definition, FragmentDefinitionNode):
                condition = self.schema.get_type(definition.type_condition.name.value)
                yield from self._arguments_in(definition.selection_set, condition, given)

    def _arguments_in(
        self, selections: SelectionSetNode | None, parent: Any, given: Mapping[str, Any]
    ) -> Iterator[tuple[str, str, Any]]:
        for each in selections.selections if selections else ():
            inner = parent
            if isinstance(each, FieldNode):
                if each.name.value.startswith("__"):
                    continue
                definition = parent.fields[each.name.value]
                for argument in each.arguments or ():
                    value = _untyped(argument.value, given)
                    yield f"{parent.name}.{each.name.value}", argument.name.value, value
                inner = _named(definition.type)
            elif isinstance(each, InlineFragmentNode) and each.type_condition:
                inner = self.schema.get_type(each.type_condition.name.value)
            if not isinstance(each, FragmentSpreadNode):
                yield from self._arguments_in(each.selection_set, inner, given)  # type: ignore[attr-defined]

    def _given(self) -> Iterator[tuple[str, Any]]:
        for each in self.operation.variable_definitions or ():
            name = each.variable.name.value
            if name in self.given:
                yield name, self.given[name]
            elif each.default_value:
                yield name, _untyped(each.default_value, {})

    def _variables(self) -> Iterator[tuple[str, Any]]:
        for each in self.operation.variable_definitions or ():
            name, type = each.variable.name.value, type_from_ast(self.schema, each.type)
            if name in self.given:
                yield name, _read(self.given[name], type)
            elif each.default_value:
                yield name, _literal(each.default_value, type, {})
            elif isinstance(type, GraphQLNonNull):
                raise Refused(None)

    def _object(self, thing: Thing, selections: Sequence[SelectionSetNode], path: Path) -> dict[str, Any]:
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        for each in selections:
            self._collect(thing.type, each, fields, spread)
        return {key: self._field(thing, nodes, (*path, key)) for key, nodes in fields.items()}

    def _collect(
        self, type: str, selections: SelectionSetNode, fields: dict[str, list[FieldNode]], spread: set[str]
    ) -> None:
        for each in selections.selections:
            if not self._is_wanted(each):
                continue
            if isinstance(each, FieldNode):
                key = each.alias.value if each.alias else each.name.value
                fields.setdefault(key, []).append(each)
            elif isinstance(each, InlineFragmentNode):
                if each.type_condition is None or self._is_a(type, each.type_condition.name.value):
                    self._collect(type, each.selection_set, fields, spread)
            elif isinstance(each, FragmentSpreadNode) and each.name.value not in spread:
                spread.add(each.name.value)
                fragment = self._fragment(each.name.value)
                if self._is_a(type, fragment.type_condition.name.value):
                    self._collect(type, fragment.selection_set, fields, spread)

    def _is_wanted(self, node: Any) -> bool:
        for directive in node.directives or ():
            condition = _literal(directive.arguments[0].value, None, self.variables)
            if condition is (directive.name.value == "skip"):
                return False
        return True

    def _is_a(self, type: str, condition: str) -> bool:
        known = self.schema.get_type(type)
        interfaces = known.interfaces if isinstance(known, GraphQLObjectType) else ()
        return condition == type or condition in {each.name for each in interfaces}

    def _fragment(self, name: str) -> FragmentDefinitionNode:
        return next(
            each
            for each in self.document.definitions
            if isinstance(each, FragmentDefinitionNode) and each.name.value == name
        )

    def _field(self, thing: Thing, nodes: list[FieldNode], path: Path) -> Any:
        name = nodes[0].name.value
        if name == "__typename":
            return thing.type
        known: GraphQLField = self.schema.get_type(thing.type).fields[name]  # type: ignore[union-attr]
        try:
            value = self.resolve(thing, name, self._arguments(known, nodes[0]))
            return self._complete(known.type, nodes, value, path)
        except FieldFault as fault:
            self.problems.append(Problem(path, fault.code))
            if isinstance(known.type, GraphQLNonNull):
                raise _NoParent from None
        except _NoParent:
            if isinstance(known.type, GraphQLNonNull):
                raise
        return None

    def _arguments(self, known: GraphQLField, node: FieldNode) -> dict[str, Any]:
        given = {each.name.value: each.value for each in node.arguments or ()}
        values = {}
        for name, argument in known.args.items():
            value = given.get(name)
            if isinstance(value, VariableNode) and value.name.value not in self.variables:
                value = None
            if value is None and argument.ast_node is not None:
                value = argument.ast_node.default_value
            if value is not None:
                values[name] = _literal(value, argument.type, self.variables)
        return values

    def _complete(self, type: Any, nodes: list[FieldNode], value: Any, path: Path) -> Any:
        if isinstance(type, GraphQLNonNull):
            assert value is not None, f"the oracle has no value for {path}"
            return self._complete(type.of_type, nodes, value, path)
        if value is None:
            return None
        if isinstance(type, GraphQLList):
            return [self._complete(type.of_type, nodes, each, (*path, at)) for at, each in enumerate(value)]
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            return self._object(value, [each.selection_set for each in nodes if each.selection_set], path)
        return value


def _named(type: Any) -> Any:
    while isinstance(type, GraphQLNonNull | GraphQLList):
        type = type.of_type
    return type


def _untyped(node: ValueNode | None, variables: Mapping[str, Any]) -> Any:
    """A literal as plain JSON, whatever type it should have; enums as their names."""
    match node:
        case VariableNode():
            return variables.get(node.name.value)
        case None | NullValueNode():
            return None
        case ListValueNode():
            return [_untyped(each, variables) for each in node.values]
        case ObjectValueNode():
            return {each.name.value: _untyped(each.value, variables) for each in node.fields}
    value, kind = node.value, node.kind  # type: ignore[attr-defined]
    return {"int_value": int, "float_value": float}.get(kind, lambda same: same)(value)


def _literal(node: ValueNode, type: Any, variables: Mapping[str, Any]) -> Any:
    """A literal's value; variables have theirs already."""
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(type, GraphQLNonNull):
        return _literal(node, type.of_type, variables)
    if isinstance(type, GraphQLList) and not isinstance(node, NullValueNode):
        inner = node.values if isinstance(node, ListValueNode) else [node]
        return [_literal(each, type.of_type, variables) for each in inner]
    if isinstance(type, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        given = {each.name.value: each.value for each in node.fields}
        return {
            name: _literal(value, type.fields[name].type, variables)
            for name, value in given.items()
            if not isinstance(value, VariableNode) or value.name.value in variables
        }
    return _read(_untyped(node, variables), type)


def _read(value: Any, type: Any) -> Any:
    """A plain JSON value as its type has it. Raises Refused."""
    if isinstance(type, GraphQLNonNull):
        if value is None:
            raise Refused(None)
        return _read(value, type.of_type)
    if value is None or type is None:
        return value
    if isinstance(type, GraphQLList):
        return [_read(each, type.of_type) for each in (value if isinstance(value, list) else [value])]
    if isinstance(type, GraphQLInputObjectType):
        return _read_object(value, type)
    if isinstance(type, GraphQLEnumType):
        return _expect(value, isinstance(value, str) and value in type.values)
    return _read_scalar(value, type.name)


def _read_object(value: Any, type: GraphQLInputObjectType) -> dict[str, Any]:
    _expect(value, isinstance(value, dict) and value.keys() <= type.fields.keys())
    return {name: _read(each, type.fields[name].type) for name, each in value.items()}


def _read_scalar(value: Any, name: str) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match name:
        case "Int":
            _expect(value, is_number and value == int(value) and -WHOLE <= value < WHOLE)
            return int(value)
        case "ID":
            _expect(value, isinstance(value, str) or (is_number and value == int(value)))
            return value if isinstance(value, str) else str(int(value))
        case "String":
            return _expect(value, isinstance(value, str))
        case "Boolean":
            return _expect(value, isinstance(value, bool))
        case "DateTime":
            return datetime.fromisoformat(value)
    return value


def _expect(value: Any, fits: bool) -> Any:
    if not fits:
        raise Refused(None)
    return value
