"""From the text of a request to a document that may run: read, measured, validated, each within its limit.

Strawberry's QueryDepthLimiter and MaxAliasesLimiter are no use here: they follow every spread of a fragment,
so that a document of twenty fragments keeps them busy for seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.validation.validate import ValidationAbortedError

from engine.viewer import Viewer
from resolvers.faults import Fault, bad_input
from server.operations.admission import PageArguments
from server.operations.measure import Limits, Size, excess, measure
from server.operations.trusted import TrustedDocuments
from server.operations.validation import Validated, validated

__all__ = ["MOST_ERRORS", "Document", "DocumentPolicy", "Introspection", "Reader"]

REMEMBERED_DOCUMENTS = 512
LONGEST_TEXT = 50_000
"""Characters of a document: one token may have them all, and reading takes its time for each."""
MOST_ERRORS = 20
REMEMBERED_SIZES = 16
"""Of one document, by the lengths of its pages."""

Introspection: TypeAlias = Literal["everybody", "claim", "nobody"]
Pages: TypeAlias = tuple[tuple[str, int | float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPolicy:
    """What documents may be like; with trusted ones given, no others run."""

    limits: Limits = field(default_factory=Limits)
    introspection: Introspection = "everybody"
    trusted: TrustedDocuments | None = None


class Document:
    """One that parses, and what is found out about it once."""

    def __init__(self, text: str, ast: DocumentNode, schema: GraphQLSchema) -> None:
        self.text = text
        self.ast = ast
        self.schema = schema
        self.operations = [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)]
        self.fragments = {
            each.name.value: each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.fragment_details = {name: FragmentDetails(each) for name, each in self.fragments.items()}
        self._declared = {
            variable.variable.name.value
            for each in self.operations
            for variable in each.variable_definitions or ()
        }
        self._sizes: dict[Pages, Size] = {}
        self._pages: dict[int, PageArguments] = {}

    def size(self, variables: Mapping[str, Any]) -> Size:
        """How large it is with these lengths of pages; null stands for the field's own."""
        pages = tuple(
            (name, each)
            for name, each in variables.items()
            if name in self._declared and isinstance(each, int | float | None)
        )
        size = self._sizes.get(pages)
        if size is None:
            size = measure(self.ast, self.schema, dict(pages))
            if len(self._sizes) < REMEMBERED_SIZES:
                self._sizes[pages] = size
        return size

    @cached_property
    def errors(self) -> Sequence[GraphQLError]:
        """What the rules of GraphQL find."""
        return [
            _too_large(each.message) if isinstance(each, ValidationAbortedError) else each
            for each in self._validated.errors
        ]

    def pages(self, operation: OperationDefinitionNode) -> PageArguments:
        """Those that count where this operation of a valid document runs."""
        key = id(operation)
        if key not in self._pages:
            self._pages[key] = PageArguments(self._validated.lists[key])
        return self._pages[key]

    @cached_property
    def _validated(self) -> Validated:
        return validated(self.ast, self.schema, most=MOST_ERRORS)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The one that runs. Raises Fault where nobody can know which is meant."""
        if name is None and len(self.operations) > 1:
            raise bad_input("The document has several operations: operationName must say which one runs.")
        named = (each for each in self.operations if name is None or (each.name and each.name.value == name))
        return next(named, None)


class Reader:
    """Reads the documents of one schema, and remembers those that come again."""

    def __init__(self, schema: GraphQLSchema, policy: DocumentPolicy) -> None:
        self.schema = schema
        self.policy = policy
        self._read = lru_cache(maxsize=REMEMBERED_DOCUMENTS)(self._parse)

    def text(self, given: str | None, extensions: Mapping[str, Any] | None) -> str:
        """What was sent, or the trusted document that was named instead; empty where there is none."""
        trusted = self.policy.trusted
        return (trusted.named(extensions) if trusted and not given else given) or ""

    def document(self, text: str) -> Document:
        """Raises GraphQLError for one that does not parse, is too long or not trusted."""
        trusted = self.policy.trusted
        if trusted and text not in trusted:
            raise Fault("DOCUMENT_NOT_TRUSTED", "Only the documents of this service's own manifest run here.")
        if len(text) > LONGEST_TEXT:
            raise _too_large(f"The document is too large: it may have {LONGEST_TEXT} characters at most.")
        return self._read(text)

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

    def _parse(self, text: str) -> Document:
        most = self.policy.limits.tokens
        try:
            return Document(text, parse(text, max_tokens=most), self.schema)
        except GraphQLSyntaxError as error:
            if not error.message.endswith("Parsing aborted."):
                raise
            raise _too_large(f"The document is too large: its tokens may be {most} at most.") from None


def _too_large(message: str) -> Fault:
    return Fault("DOCUMENT_TOO_LARGE", message)
