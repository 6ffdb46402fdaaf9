"""A batch's generations as the statement insert_batch takes them, by column."""

from collections.abc import Collection, Sequence
from typing import Any

from engine.columns import Columns
from engine.plan import PlannedPrompt

__all__ = ["generation_columns"]


def generation_columns(prompts: Collection[PlannedPrompt]) -> dict[str, Sequence[Any]]:
    """Without columns that are null throughout."""
    planned = Columns.of(PlannedPrompt, prompts)
    return {name: values for name, values in planned.columns.items() if values.count(None) < len(values)}
