"""The ledger of calls: the intent before the call, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from db.session import Session
from engine.seams import Call

__all__ = ["begin_call", "close_call", "known_predictions", "record_prediction"]


async def begin_call(
    session: Session,
    generation_id: UUID,
    round_: int,
    *,
    provider: str,
    model: str,
    prepared: Mapping[str, Any],
) -> Call:
    """The intent to ask, to be committed before the call is made."""
    row = await session.one("insert_attempt", generation_id, round_, provider, prepared)
    return Call(id=row["id"], model=model, input=prepared, began=row["created_at"])


async def record_prediction(session: Session, call_id: UUID, prediction_id: str) -> bool:
    """The call became this run; False where the run is known to be another call's."""
    return await session.row("record_prediction", call_id, prediction_id) is not None


async def close_call(session: Session, call_id: UUID, outcome: str) -> bool:
    """The call surely became no run: held_back, not_taken or absent. False where its run is known by now."""
    return await session.row("close_attempt", call_id, outcome) is not None


async def known_predictions(session: Session, provider: str, since: datetime) -> frozenset[str]:
    """The runs that calls of about this time became."""
    rows = await session.rows("known_predictions", provider, since)
    return frozenset(row["prediction_id"] for row in rows)
