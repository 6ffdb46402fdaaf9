"""Where a batch's generations are written, all in one statement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from db.session import Session

__all__ = ["TemplateRow", "insert_generations"]


class TemplateRow(NamedTuple):
    """The images of one template: its prompts in order, and what they have in common.

    None is, for the name, the template's; for model and parameters, the batch's; for the seed, one
    drawn for each image.
    """

    template_name: str
    prompts: Sequence[str]
    template_id: UUID | None = None
    name: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] | None = None
    seed: int | None = None


async def insert_generations(
    session: Session, batch_id: UUID, templates: Sequence[TemplateRow], *, variants: int = 1
) -> None:
    """Each prompt so many times, one after the other. The session is the viewer's."""
    await session.rows("insert_generations", batch_id, list(_rows(templates, variants)), variants)


def _rows(templates: Sequence[TemplateRow], variants: int) -> Iterator[dict[str, Any]]:
    """What is not given is not sent: there may be a thousand."""
    first = 0
    for template in templates:
        given = template._asdict().items()
        yield {"first": first, **{name: value for name, value in given if value is not None}}
        first += len(template.prompts) * variants
