"""The ways in which the service answers: each is asked the same, and each has to say the same."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.oracle.answers import Expected
from tests.oracle.evaluator import Problem
from tests.oracle.words import difference

__all__ = ["Answer", "Way", "disagreement", "read_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came: as it was sent, and as JSON."""

    text: str
    body: Mapping[str, Any]

    @property
    def problems(self) -> list[Problem]:
        return [
            Problem(
                tuple(error["path"]) if "path" in error else None, error.get("extensions", {}).get("code")
            )
            for error in self.body.get("errors", ())
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of asking as a user (None is nobody): query, variables, operation's name."""

    name: str
    ask: Callable[[UUID | None, str, Mapping[str, Any] | None, str | None], Awaitable[Answer]]


def read_answer(text: str) -> Answer:
    """Raises ValueError where a key is there twice."""
    return Answer(text=text, body=json.loads(text, object_pairs_hook=_once))


def disagreement(expected: Expected, answer: Answer) -> str | None:
    """What is wrong with an answer.

    Where a field that is never null has an error, others beside it may be left out: so GraphQL allows.
    """
    if wrong := difference(expected.data, answer.body.get("data")):
        return wrong
    if expected.data is None and expected.problems:
        agree = answer.problems and set(answer.problems) <= set(expected.problems)
    else:
        agree = sorted(map(str, answer.problems)) == sorted(map(str, expected.problems))
    return None if agree else f"errors should be {expected.problems} and are {answer.body.get('errors')}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a key is there twice: {[key for key, _ in pairs]}")
    return found
