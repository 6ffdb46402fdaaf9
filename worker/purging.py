"""Removes for good what was deleted 30 days ago, and the files that nothing uses any more.

In this order, whatever happens in between: rows go, and their files are written down as doomed in the same
transaction; then the files are removed; then they are forgotten. So no row offers a file that is gone, and a
file without a row is known until it is gone as well.
"""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import structlog

from db.session import Session
from engine.viewer import Viewer
from worker.thumbnails import WIDTHS, thumbnail_key
from worker.work import Later, Task
from worker.workshop import Workshop

__all__ = ["purge"]

CHUNK = 200
PAUSE = 600.0
"""Seconds until the next look, once there is nothing left to do."""
SOON = 0.1
logger = structlog.get_logger()


async def purge(shop: Workshop, task: Task) -> None:
    """A small part of each, so that nobody waits for it; the job comes again, always."""
    done = [await step(shop) for step in (purge_images, purge_batch, drop_references, remove_files)]
    raise Later(SOON if any(done) else PAUSE)


async def purge_images(shop: Workshop) -> bool:
    """Whether there were any."""
    async with shop.database.worker_session() as session:
        gone = await session.rows("purge_images", CHUNK)
        await session.rows("purge_single_generations", [row["generation_id"] for row in gone])
    if gone:
        logger.info("images_purged", count=len(gone))
    return bool(gone)


async def purge_batch(shop: Workshop) -> bool:
    """Some generations of a batch, or at last the batch; whether there was one.

    Its images go by themselves: those that were kept when it was deleted stay.
    """
    async with shop.database.worker_session() as session:
        batch = await session.row("batch_to_purge")
        if batch is None:
            return False
        generations = await session.rows("generations_to_purge", batch["id"], CHUNK)
        if generations:
            await _purge_generations(session, batch["user_id"], [row["id"] for row in generations])
        else:
            await session.rows("purge_batch", batch["id"])
            logger.info("batch_purged", batch=str(batch["id"]))
    return True


async def drop_references(shop: Workshop) -> bool:
    """Those that no batch, generation or image has any more; whether there were any to look at."""
    async with shop.database.worker_session() as session:
        candidates = await session.rows("references_to_look_at", CHUNK)
        used = {row["id"] for row in candidates if row["is_used"]}
        used |= await _used_by_images(session, [row for row in candidates if row["id"] not in used])
        await session.rows("settle_references", list(used))
        await session.rows("remove_references", [row["id"] for row in candidates if row["id"] not in used])
    return bool(candidates)


async def remove_files(shop: Workshop) -> bool:
    """With the smaller copies beside them; whether there were any."""
    async with shop.database.worker_session() as session:
        keys = [row["key"] for row in await session.rows("doomed_files", CHUNK)]
    if not keys:
        return False
    copies = [thumbnail_key(key, width) for key in keys for width in WIDTHS]
    await shop.storage.remove([*keys, *copies])
    async with shop.database.worker_session() as session:
        await session.rows("settle_doomed_files", keys)
    return True


async def _purge_generations(session: Session, user_id: UUID, ids: Sequence[UUID]) -> None:
    """Whose images there are, their owner is asked: the worker sees none but those to be purged."""
    await session.become(_owner(user_id))
    kept = [row["url"] for row in await session.rows("kept_outputs", ids)]
    await session.become_worker()
    await session.rows("purge_generations", ids, kept)


async def _used_by_images(session: Session, candidates: Sequence[asyncpg.Record]) -> set[UUID]:
    """Which of these references an image has, in its owner's eyes."""
    by_owner: dict[UUID, dict[str, UUID]] = defaultdict(dict)
    for row in candidates:
        if row["key"] is not None:
            by_owner[row["user_id"]][row["key"]] = row["id"]
    used: set[UUID] = set()
    for user_id, ids in by_owner.items():
        await session.become(_owner(user_id))
        rows = await session.rows("references_of_images", list(ids))
        used.update(ids[row["reference_url"]] for row in rows)
    await session.become_worker()
    return used


def _owner(user_id: UUID) -> Viewer:
    return Viewer(user_id=user_id, role="authenticated")
