"""Where a batch's generations are written, all in one statement."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from uuid import UUID

from db.session import Session
from engine.plan import PlannedTemplate

__all__ = ["insert_generations"]


async def insert_generations(
    session: Session, batch_id: UUID, templates: Sequence[PlannedTemplate], *, variants: int = 1
) -> None:
    """Each prompt so many times, one after the other. The session is the viewer's."""
    await session.rows("insert_generations", batch_id, _columns(templates), variants)


def _columns(templates: Sequence[PlannedTemplate]) -> dict[str, Any]:
    """By column, for there may be a thousand rows; one that is null in all of them is not sent."""
    columns = dict(zip(PlannedTemplate._fields, zip(*templates, strict=True), strict=True))
    given = {name: values for name, values in columns.items() if values.count(None) < len(values)}
    return given | {"before": list(accumulate(map(len, columns["prompts"]), initial=0))[:-1]}
