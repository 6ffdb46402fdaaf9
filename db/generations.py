"""A batch's generations as the statement insert_batch takes them, by column."""

from collections.abc import Collection
from itertools import accumulate
from typing import Any

from engine.columns import Columns
from engine.plan import PlannedTemplate

__all__ = ["generation_columns"]


def generation_columns(templates: Collection[PlannedTemplate]) -> dict[str, Any]:
    """Without those that are null throughout; `before` is how many prompts come before a template's own."""
    planned = Columns.of(PlannedTemplate, templates)
    columns = {name: planned.column(name) for name in PlannedTemplate._fields}
    given = {name: values for name, values in columns.items() if values.count(None) < len(values)}
    return given | {"before": list(accumulate(map(len, columns["prompts"]), initial=0))[:-1]}
