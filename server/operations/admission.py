"""What is refused before anything runs: writing without a token, and pages that no list has.

Done on the document, so that a mutation whose payload asks for such a page changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from graphql import OperationDefinitionNode, OperationType
from graphql.execution.values import VariableValues

from db.reading.map import PAGES
from db.reading.selection import Arguments
from engine.cursors import BadCursorError
from engine.refusals import TextRule, refuse_text
from engine.viewer import Viewer
from resolvers.faults import Fault, bad_input, unauthenticated
from resolvers.selecting import ArgumentSource
from server.operations.measure import LARGEST_PAGE

__all__ = ["Found", "PageArguments", "refuse_writing"]

Found: TypeAlias = tuple[str, ArgumentSource]
"""The place of a list in the API, and where the arguments for a page of it come from."""

FILTER_RULE = TextRule(longest=500, lines=True, optional=True)
"""A word of more than 2,046 bytes is none for PostgreSQL."""
MOST_TEXTS = 100
NO_VARIABLES = VariableValues({}, {})


def refuse_writing(operation: OperationDefinitionNode, viewer: Viewer) -> None:
    """Raises Fault for a mutation of nobody's."""
    if operation.operation is OperationType.MUTATION and viewer.user_id is None:
        raise unauthenticated()


class PageArguments:
    """Those of the lists that an operation asks for, its fragments included."""

    def __init__(self, found: Iterable[Found]) -> None:
        self.varying: list[Found] = []
        self.fixed: list[Fault] = []
        for place, source in found:
            if source.varies:
                self.varying.append((place, source))
            else:
                self.fixed += _faults(place, source.values(NO_VARIABLES))

    def faults(self, variables: VariableValues) -> Sequence[Fault]:
        """What no list has."""
        varying = (_faults(place, source.values(variables)) for place, source in self.varying)
        return [*self.fixed, *chain.from_iterable(varying)]


def _faults(place: str, values: Arguments) -> Iterator[Fault]:
    if not 1 <= values["first"] <= LARGEST_PAGE:
        yield bad_input(f"first of {place} is from 1 to {LARGEST_PAGE}.")
    wanted = dict(values)
    if (after := wanted.pop("after", None)) is not None:
        try:
            PAGES[place].order_for(values).bounds(place, after)
        except BadCursorError:
            yield bad_input(f"after is not a cursor of {place}.")
    for name, value in wanted.items():
        texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
        if len(texts) > MOST_TEXTS or any(refuse_text(each, (name,), FILTER_RULE) for each in texts):
            yield bad_input(f"{name} of {place} is no text that can be looked for, or too long.")
