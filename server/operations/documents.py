"""From the text of a request to a document that may run: read, measured, validated, each within its limit.

Strawberry's QueryDepthLimiter and MaxAliasesLimiter are no use here: they follow every spread of a fragment,
so that a document of twenty fragments keeps them busy for seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.rules.max_introspection_depth_rule import MaxIntrospectionDepthRule
from graphql.validation.validate import ValidationAbortedError
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.viewer import Viewer
from resolvers.faults import Fault, bad_input
from server.operations.measure import Limits, Size, excess, measure
from server.operations.trusted import TrustedDocuments

__all__ = ["REMEMBERED_DOCUMENTS", "DocumentPolicy", "Documents", "Introspection", "Reader"]

REMEMBERED_DOCUMENTS = 512
LONGEST_TEXT = 50_000
"""Characters of a document: one token may have them all, and reading takes its time for each."""
MOST_COMPARISONS = 5_000
"""Of two fields with one name, which is what validation could spend seconds on."""
MOST_ERRORS = 20

Introspection: TypeAlias = Literal["everybody", "claim", "nobody"]
Pages: TypeAlias = tuple[tuple[str, int | float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPolicy:
    """What documents may be like; with trusted ones given, no others run."""

    limits: Limits = field(default_factory=Limits)
    introspection: Introspection = "everybody"
    trusted: TrustedDocuments | None = None


class Documents(SchemaExtension):
    """Comes first: what it lets through is a document of this schema, and not too large."""

    def __init__(self, reader: "Reader") -> None:
        super().__init__()
        self.reader = reader

    def on_parse(self) -> Iterator[None]:
        run = self.execution_context
        document = self.reader.document(run.query or "")
        size = self.reader.size(run.schema._schema, document, _pages(run.variables or {}))
        self.reader.refuse_excess(size)
        if run._provided_operation_name is None:
            _refuse_a_choice(document)
        if size.introspects:
            self.reader.refuse_introspection(run.context.viewer)
        run.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        run = self.execution_context
        if run.graphql_document:
            run.pre_execution_errors = list(self.reader.errors(run.schema._schema, run.graphql_document))
        yield


class Reader:
    """Reads the documents of one schema, and remembers those that come again."""

    def __init__(self, policy: DocumentPolicy) -> None:
        self.policy = policy
        remembered = lru_cache(maxsize=REMEMBERED_DOCUMENTS)
        self._parsed = remembered(self._parse)
        self.size = remembered(_size)
        self.errors = remembered(_errors)

    def text(self, given: str | None, extensions: Mapping[str, Any] | None) -> str | None:
        """What was sent, or the trusted document that was named instead."""
        trusted = self.policy.trusted
        return trusted.named(extensions) if trusted and not given else given

    def document(self, text: str) -> DocumentNode:
        """Raises GraphQLError for one that does not parse, is too long or not trusted."""
        trusted = self.policy.trusted
        if trusted and text not in trusted:
            raise Fault("DOCUMENT_NOT_TRUSTED", "Only the documents of this service's own manifest run here.")
        if len(text) > LONGEST_TEXT:
            raise _too_large(f"The document is too large: it may have {LONGEST_TEXT} characters at most.")
        return self._parsed(text)

    def refuse_excess(self, size: Size) -> None:
        """Raises Fault where the document is too large."""
        problem = excess(size, self.policy.limits)
        if problem:
            raise _too_large(problem)

    def refuse_introspection(self, viewer: Viewer) -> None:
        """Raises Fault where this viewer may not ask about the schema; __typename is everybody's."""
        allowed = self.policy.introspection
        if allowed == "nobody" or (allowed == "claim" and not viewer.introspects):
            raise Fault("INTROSPECTION_FORBIDDEN", "The schema is not told here.")

    def _parse(self, text: str) -> DocumentNode:
        most = self.policy.limits.tokens
        try:
            return parse(text, max_tokens=most)
        except GraphQLSyntaxError as error:
            if not error.message.endswith("Parsing aborted."):
                raise
            raise _too_large(f"The document is too large: its tokens may be {most} at most.") from None


class Merging(OverlappingFieldsCanBeMergedRule):
    """The rule of GraphQL, which gives up sooner."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = 2 * MOST_COMPARISONS


RULES = (
    *(Merging if each is OverlappingFieldsCanBeMergedRule else each for each in specified_rules),
    MaxIntrospectionDepthRule,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


def _size(schema: GraphQLSchema, document: DocumentNode, pages: Pages) -> Size:
    return measure(document, schema, dict(pages))


def _errors(schema: GraphQLSchema, document: DocumentNode) -> Sequence[GraphQLError]:
    """Without suggestions, which would tell the schema to whoever may not ask for it."""
    found = validate(schema, document, RULES, max_errors=MOST_ERRORS, hide_suggestions=True)
    return [_too_large(each.message) if isinstance(each, ValidationAbortedError) else each for each in found]


def _pages(variables: Mapping[str, Any]) -> Pages:
    """Those that can be the length of a page."""
    return tuple((name, each) for name, each in variables.items() if isinstance(each, int | float))


def _refuse_a_choice(document: DocumentNode) -> None:
    """Raises Fault where nobody can know which operation is meant."""
    if sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1:
        raise bad_input("The document has several operations: operationName must say which one runs.")


def _too_large(message: str) -> Fault:
    return Fault("DOCUMENT_TOO_LARGE", message)
