"""Where a batch's generations are written, all in one statement."""

from collections.abc import Collection
from itertools import accumulate
from typing import Any
from uuid import UUID

from db.session import Session
from engine.columns import Columns
from engine.plan import PlannedTemplate

__all__ = ["insert_generations"]


async def insert_generations(
    session: Session, batch_id: UUID, templates: Collection[PlannedTemplate], *, variants: int = 1
) -> None:
    """Each prompt so many times, one after the other. The session is the viewer's."""
    columns = _given(Columns.of(PlannedTemplate, templates))
    before = accumulate(map(len, columns["prompts"]), initial=0)
    await session.rows("insert_generations", batch_id, {**columns, "before": list(before)[:-1]}, variants)


def _given(templates: Columns[PlannedTemplate]) -> dict[str, Any]:
    """The columns that say anything: those that are null throughout are not sent."""
    columns = {name: templates.column(name) for name in PlannedTemplate._fields}
    return {name: values for name, values in columns.items() if values.count(None) < len(values)}
