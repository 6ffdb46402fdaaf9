"""What an owner says of a batch or an image: its name, its tags, whether it is a favourite."""

from engine.ids import read_id
from engine.plan import NAME_RULE
from engine.refusals import Refusal, refuse_text
from engine.tags import refuse_tags, tidy_tags
from resolvers.context import Context
from resolvers.locks import absent, held_batch, in_trash
from resolvers.ordering import refuse_title
from schema.inputs import UpdateBatchInput, UpdateImageInput

__all__ = ["update_batch", "update_image"]


async def update_batch(context: Context, asked: UpdateBatchInput) -> list[Refusal]:
    """A change of the batch alone, told like any other."""
    refusals = [*refuse_title(asked.title), *refuse_tags(asked.tags or [])]
    async with held_batch(context, read_id(asked.id)) as held:
        if held.row is None:
            return [absent("batch"), *refusals]
        if held.row["deleted_at"]:
            return [in_trash("batch"), *refusals]
        if refusals:
            return refusals
        tags = None if asked.tags is None else tidy_tags(asked.tags)
        await held.session.rows("change_batch", held.row["id"], asked.title, asked.favorite, tags)
        await held.touch()
    return []


async def update_image(context: Context, asked: UpdateImageInput) -> list[Refusal]:
    key = read_id(asked.id)
    refusals = [] if asked.name is None else refuse_text(asked.name, ("name",), NAME_RULE)
    async with context.session() as session:
        image = await session.row("lock_images", [key]) if key else None
        if image is None:
            return [absent("image"), *refusals]
        if image["deleted_at"]:
            return [in_trash("image"), *refusals]
        if refusals:
            return refusals
        await session.rows("change_image", key, asked.name, asked.favorite)
    return []
