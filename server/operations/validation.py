"""The rules of GraphQL, in half of the time that validation else takes."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

from graphql import (
    SKIP,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    ValidationRule,
    Visitor,
    specified_rules,
    validate,
)
from graphql.validation.rules.defer_stream_directive_label import DeferStreamDirectiveLabel
from graphql.validation.rules.defer_stream_directive_on_root_field import DeferStreamDirectiveOnRootField
from graphql.validation.rules.defer_stream_directive_on_valid_operations_rule import (
    DeferStreamDirectiveOnValidOperationsRule,
)
from graphql.validation.rules.stream_directive_on_list_field import StreamDirectiveOnListField

from db.reading.map import PAGES
from resolvers.selecting import ArgumentSource
from server.operations.admission import Found

__all__ = ["Validated", "validated"]

MOST_COMPARISONS = 5_000
"""Of two fields with one name, which is what validation could spend seconds on."""
OF_UNKNOWN_DIRECTIVES = {
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
}
"""The schema has neither @defer nor @stream, and another rule refuses what it does not have."""


class Validated(NamedTuple):
    """What is wrong with a document, or else the lists that its operations ask for, by the id() of each."""

    errors: Sequence[GraphQLError]
    lists: Mapping[int, Sequence[Found]]


def validated(document: DocumentNode, schema: GraphQLSchema, *, most: int) -> Validated:
    """Without suggestions, which would tell the schema to whoever may not ask for it.

    The last error is a ValidationAbortedError where there are more.
    """
    rules = AllRules()
    one: Any = [rules.of]
    try:
        errors = validate(schema, document, one, max_errors=most, hide_suggestions=True)
        return Validated(errors, {} if errors else rules.listings.by_operation())
    finally:
        rules.end()


class Listings(ValidationRule):
    """Refuses nothing, but notes each list on the way: the arguments are read again for every request."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.found: dict[int, list[Found]] = {}

    def enter_operation_definition(self, node: Node, *_: Any) -> None:
        self.inside = self.found[id(node)] = []

    enter_fragment_definition = enter_operation_definition

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        place = f"{self.context.get_parent_type()}.{node.name.value}"
        field = self.context.get_field_def()
        if place in PAGES and field and node.arguments:
            self.inside.append((place, ArgumentSource(field, node)))

    def by_operation(self) -> Mapping[int, Sequence[Found]]:
        """With the fragments that each is spread from, once each."""
        operations = [
            each for each in self.context.document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        return {id(each): list(self._within(each)) for each in operations}

    def _within(self, operation: OperationDefinitionNode) -> Iterator[Found]:
        for each in (operation, *self.context.get_recursively_referenced_fragments(operation)):
            yield from self.found[id(each)]


class Merging(OverlappingFieldsCanBeMergedRule):
    """The rule of GraphQL, which gives up sooner."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = 2 * MOST_COMPARISONS


RULES: list[type[ASTValidationRule]] = [
    Merging if each is OverlappingFieldsCanBeMergedRule else each
    for each in specified_rules
    if each not in OF_UNKNOWN_DIRECTIVES
] + [Listings]


class AllRules(Visitor):
    """The rules as one, for a single use: graphql-core asks each of them about every node.

    What validate takes for a rule is whatever makes a visitor from the context.
    """

    def of(self, context: ValidationContext) -> Visitor:
        self.rules = [rule(context) for rule in RULES]
        self.skipped: dict[int, Node] = {}
        return self

    def enter(self, node: Node, *way: Any) -> None:
        for place, name in _methods("enter", node.kind):
            if place not in self.skipped and getattr(self.rules[place], name)(node, *way) is SKIP:
                self.skipped[place] = node

    def leave(self, node: Node, *way: Any) -> None:
        for place, name in _methods("leave", node.kind):
            if place not in self.skipped:
                getattr(self.rules[place], name)(node, *way)
        if self.skipped:
            self.skipped = {place: each for place, each in self.skipped.items() if each is not node}

    @property
    def listings(self) -> Listings:
        return cast("Listings", self.rules[-1])

    def end(self) -> None:
        """Else all of it is held in circles, and only a collection of garbage finds it."""
        del self.rules, self.skipped


@cache
def _methods(step: str, kind: str) -> list[tuple[int, str]]:
    """Which rules look at such a node, by their place, and what the method is called."""
    names = (f"{step}_{kind}", step)
    found = ((place, next((n for n in names if hasattr(rule, n)), None)) for place, rule in enumerate(RULES))
    return [(place, name) for place, name in found if name]
