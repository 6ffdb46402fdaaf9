"""Out of the history and back: what is in the trash can be restored until it is purged.

Doing again what is done already is no error and changes nothing: a second click, a second tab.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.ids import read_id
from engine.refusals import Refusal, refuse_count
from engine.words import BatchStatus
from resolvers.context import Context
from resolvers.control import stop_batch
from resolvers.locks import absent, held_batch

__all__ = ["Refused", "delete_batch", "delete_images", "restore_batch", "restore_images"]

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done."""

    refusals: list[Refusal]


async def delete_batch(context: Context, key: UUID | None, *, keep_images: bool) -> list[Refusal]:
    """Cancelled first where it is not finished."""
    async with held_batch(context, key) as held:
        batch = held.row
        if batch is None:
            return [absent("batch")]
        if batch["deleted_at"]:
            return []
        await held.session.rows("delete_batch", batch["id"], keep_images)
        if not keep_images:
            await held.session.rows("delete_images_of_batch", batch["id"])
        await held.touch()
        if not BatchStatus(batch["status"]).finished:
            await stop_batch(held, batch)
    return []


async def restore_batch(context: Context, key: UUID | None) -> list[Refusal]:
    """With the images that went with it, and no others."""
    async with held_batch(context, key) as held:
        batch = held.row
        if batch is None:
            return [absent("batch")]
        if batch["deleted_at"]:
            await held.session.rows("restore_batch", batch["id"])
            await held.session.rows("restore_images_of_batch", batch["id"], batch["deleted_at"])
            await held.touch()
    return []


async def delete_images(context: Context, ids: Sequence[str]) -> list[UUID] | Refused:
    """Those that are in the trash now."""
    return await _of_all(context, ids, "delete_images")


async def restore_images(context: Context, ids: Sequence[str]) -> list[UUID] | Refused:
    """Those that are in the history now."""
    return await _of_all(context, ids, "restore_images")


async def _of_all(context: Context, ids: Sequence[str], change: str) -> list[UUID] | Refused:
    """All of them or none, each once, in the order given."""
    if refusals := list(refuse_count(len(ids), ("ids",), most=MOST_AT_ONCE)):
        return Refused(refusals)
    keys = [read_id(id) for id in ids]
    async with context.session() as session:
        rows = await session.rows("lock_images", [key for key in keys if key])
        known = {row["id"] for row in rows}
        if refusals := [
            absent("image", ("ids", str(place))) for place, key in enumerate(keys) if key not in known
        ]:
            return Refused(refusals)
        await session.rows(change, list(known))
    return list(dict.fromkeys(key for key in keys if key))
