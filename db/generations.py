"""A batch's generations as the statement insert_batch takes them, by column."""

from collections.abc import Collection
from itertools import accumulate
from typing import Any

from engine.columns import Columns
from engine.plan import PlannedTemplate

__all__ = ["generation_columns"]


def generation_columns(templates: Collection[PlannedTemplate]) -> dict[str, Any]:
    """Without those that are null throughout; `before` is how many prompts come before a template's own,
    where that is not one of each template.
    """
    planned = Columns.of(PlannedTemplate, templates)
    given = {name: values for name, values in planned.columns.items() if values.count(None) < len(values)}
    prompts = planned.column("prompts")
    if len(max(prompts, key=len)) > 1:
        given["before"] = list(accumulate(map(len, prompts), initial=0))[:-1]
    return given
