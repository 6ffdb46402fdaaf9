"""Lets queued work into the queue: of each user only so much at once, each with its fair turn."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from db.jobs import Due, Job, enqueue_each, feed, subject_of, take_turns
from db.session import Session
from worker.work import Later, Task
from worker.workshop import Workshop

__all__ = ["feed_user", "readopt"]

LOOK_AGAIN = 0.3
"""Seconds after which to look whether there is room for more."""


async def feed_user(shop: Workshop, task: Task) -> None:
    """Admits the user's next generations, first come first served; comes again while some wait."""
    user_id = UUID(task.subject)
    async with shop.database.worker_session() as session:
        await session.rows("lock_turn", user_id)
        rows = await session.rows("admit_generations", user_id, shop.max_running)
        if rows:
            await _enqueue(shop, session, user_id, rows)
        waiting = await session.value("has_waiting_generations", user_id)
        if not waiting:
            await session.rows("release_key", Job.FEED.key(task.subject))
    if waiting:
        raise Later(LOOK_AGAIN)


async def readopt(shop: Workshop) -> int:
    """Gives a job to whatever has none and should; returns how many were without."""
    async with shop.database.worker_session() as session:
        abandoned = await session.rows("abandoned_generations")
        for row in abandoned:
            turn = await take_turns(session, row["user_id"], 1)
            job = Job.SAVE if row["job"] == "save" else shop.submit_job(row["model"])
            await enqueue_each(session, job, [Due(subject_of(row["id"], row["round"]), turn)])
        unfed = await session.rows("unfed_users")
        for row in unfed:
            await feed(session, row["user_id"])
    return len(abandoned) + len(unfed)


async def _enqueue(shop: Workshop, session: Session, user_id: UUID, rows: Sequence[asyncpg.Record]) -> None:
    first = await take_turns(session, user_id, len(rows))
    by_kind: dict[Job, list[Due]] = defaultdict(list)
    in_order = sorted(rows, key=lambda row: (row["created_at"], row["position"], row["id"]))
    for turn, row in enumerate(in_order, first):
        by_kind[shop.submit_job(row["model"])].append(Due(subject_of(row["id"], row["round"]), turn))
    for job, jobs in by_kind.items():
        await enqueue_each(session, job, jobs)
