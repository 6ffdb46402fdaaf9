"""From a validated document to a selection: fragments, directives and variables are resolved here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    get_argument_values,
    get_named_type,
    is_abstract_type,
    is_object_type,
    print_ast,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from db.reading.selection import Arguments, Asked

__all__ = ["ArgumentSource", "Selecting"]


class ArgumentSource:
    """Where a field's arguments come from; varies says whether another request may have others."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        self.field = field
        self.node = node
        given = {each.name.value: each.value for each in node.arguments or ()}
        self.varies = "$" in "".join(map(print_ast, given.values()))
        # What is a variable as a whole has been coerced by then, and needs no second look.
        self._variables = {
            name: each.name.value for name, each in given.items() if isinstance(each, VariableNode)
        }
        self._is_plain = len(self._variables) == len(given)
        self._defaults = _set({name: each.default_value for name, each in field.args.items()})
        self._fixed: Arguments | None = None

    def values(self, variables: VariableValues) -> Arguments:
        """Null stands for the default, where there is one. Raises GraphQLError."""
        if self._fixed is not None:
            return self._fixed
        given = self._given(variables)
        values = {**self._defaults, **_set(given), **_set(given.get("filter") or {})}
        if not self.varies:
            self._fixed = values
        return values

    def _given(self, variables: VariableValues) -> Arguments:
        if self._is_plain:
            return {name: variables.coerced.get(each) for name, each in self._variables.items()}
        return get_argument_values(self.field, self.node, variables, hide_suggestions=True)


@dataclass(slots=True)
class Selecting:
    """What one operation asks for; sources are those of the arguments met so far, by their numbers."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    sources: list[ArgumentSource] = field(default_factory=list)

    def roots(self) -> Sequence[Asked]:
        """The fields of the operation itself."""
        type = cast("GraphQLObjectType", self.schema.get_root_type(self.operation.operation))
        found = collect_fields(self.schema, self.fragments, self.variables, type, self.operation)
        return self._fields(type, found)

    def field(self, parent: GraphQLObjectType, key: str, nodes: Sequence[FieldNode]) -> Asked:
        """One field, of all the nodes that ask for it under this key."""
        return self._field(parent, key, [FieldDetails(node, None) for node in nodes])

    def arguments(self) -> list[Arguments]:
        """The values of all fields that have arguments, by number."""
        return [source.values(self.variables) for source in self.sources]

    def _fields(self, parent: GraphQLObjectType, found: CollectedFields) -> list[Asked]:
        return [self._field(parent, key, details) for key, details in found.grouped_field_set.items()]

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Asked:
        node = details[0].node
        definition = cast("GraphQLField", self.schema.get_field(parent, node.name.value))
        arguments: Arguments = {}
        if definition.args:
            self.sources.append(ArgumentSource(definition, node))
            arguments = self.sources[-1].values(self.variables)
        number = len(self.sources) - 1
        inner = {each.name: self._inner(each, details) for each in self._concrete(definition)}
        return Asked(key=key, name=node.name.value, arguments=arguments, number=number, of=inner)

    def _inner(self, type: GraphQLObjectType, details: list[FieldDetails]) -> list[Asked]:
        schema, variables, operation = self.schema, self.variables, self.operation
        found = collect_subfields(schema, self.fragments, variables, operation, type, details)
        return self._fields(type, found)

    def _concrete(self, definition: GraphQLField) -> Sequence[GraphQLObjectType]:
        named = get_named_type(definition.type)
        if is_abstract_type(named):
            return self.schema.get_possible_types(named)
        return [named] if is_object_type(named) else []


def _set(values: Arguments) -> Arguments:
    return {name: value for name, value in values.items() if value is not None and value is not Undefined}
