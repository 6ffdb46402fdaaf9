"""Puts the jobs of a batch's images into the queue, in chunks, each with its fair turn."""

from uuid import UUID

from db.jobs import Job, enqueue_each, take_turns
from worker.workshop import Task, Workshop

__all__ = ["expand", "readopt"]

CHUNK = 500


async def expand(shop: Workshop, task: Task) -> None:
    """One submit a generation, in the batch's order; a repeated expand adds only what is missing."""
    async with shop.database.worker_session() as session:
        rows = await session.rows("queued_generations_of_batch", UUID(task.subject))
        if not rows:
            return
        first = await take_turns(session, rows[0]["user_id"], len(rows))
    jobs = [(str(row["id"]), first + place) for place, row in enumerate(rows)]
    for start in range(0, len(jobs), CHUNK):
        async with shop.database.worker_session() as session:
            await enqueue_each(session, Job.SUBMIT, jobs[start : start + CHUNK])


async def readopt(shop: Workshop) -> int:
    """Gives a job to every generation that is not done and has none; returns how many."""
    async with shop.database.worker_session() as session:
        rows = await session.rows("abandoned_generations")
        for row in rows:
            turn = await take_turns(session, row["user_id"], 1)
            await enqueue_each(session, Job(row["job"]), [(str(row["id"]), turn)])
    return len(rows)
