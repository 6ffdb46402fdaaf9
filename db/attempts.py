"""The ledger of calls: the intent before the call, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db.session import Session
from engine.seams import Call

__all__ = [
    "Intent",
    "begin_calls",
    "close_call",
    "known_predictions",
    "record_prediction",
    "record_predictions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A call that is to be made; kept is as much of its input as its run may have to be found by."""

    generation_id: UUID
    round: int
    provider: str
    model: str
    input: Mapping[str, Any]
    kept: Mapping[str, Any]


async def begin_calls(session: Session, intents: Sequence[Intent]) -> dict[UUID, Call]:
    """The intents to ask one provider, to be committed before the calls are made; by generation.

    A generation whose run is known by now has none.
    """
    rows = await session.rows(
        "insert_attempts",
        [intent.generation_id for intent in intents],
        [intent.round for intent in intents],
        [intent.kept for intent in intents],
        intents[0].provider,
    )
    begun = {row["generation_id"]: row for row in rows}
    return {
        intent.generation_id: _call(intent, dict(begun[intent.generation_id]))
        for intent in intents
        if intent.generation_id in begun
    }


def _call(intent: Intent, row: Mapping[str, Any]) -> Call:
    return Call(id=row["id"], model=intent.model, input=intent.input, began=row["created_at"])


async def record_prediction(session: Session, call_id: UUID, prediction_id: str) -> bool:
    """The call became this run; False where the run is known to be another call's."""
    return call_id in await record_predictions(session, {call_id: prediction_id})


async def record_predictions(session: Session, told: Mapping[UUID, str]) -> frozenset[UUID]:
    """The calls that became these runs; without those whose run is known to be another call's."""
    rows = await session.rows("record_predictions", list(told), list(told.values()))
    return frozenset(row["id"] for row in rows)


async def close_call(session: Session, call_id: UUID, outcome: str) -> bool:
    """The call surely became no run: held_back, not_taken or absent. False where its run is known by now."""
    return await session.row("close_attempt", call_id, outcome) is not None


async def known_predictions(session: Session, provider: str, since: datetime) -> frozenset[str]:
    """The runs that calls of about this time became."""
    rows = await session.rows("known_predictions", provider, since)
    return frozenset(row["prediction_id"] for row in rows)
