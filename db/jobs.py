"""Where a job is put into the queue or taken out of it, inside the caller's session.

A job's priority is its turn, negated: the lowest turn is served first, whoever's it is (start-time
fair queueing, Goyal et al. 1996). PgQueuer is named here and in worker/ alone.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.domain.settings import DBSettings

from db.pool import Connection
from db.session import Session

__all__ = [
    "FEED_TURN",
    "PURGE_TURN",
    "SAVE_TURN",
    "STOP_TURN",
    "THUMBNAIL_TURN",
    "Due",
    "Job",
    "enqueue",
    "enqueue_each",
    "feed",
    "queue_queries",
    "subject_of",
    "take_turns",
]

SETTINGS = DBSettings(db_schema="pgq")
FEED_TURN = 0
"""Before everything else."""
SAVE_TURN = 0
"""What is made already does not wait for what is not."""
STOP_TURN = 0
"""What is stopped makes room for the rest."""
PURGE_TURN = 2**31 - 1
"""Nobody waits for it."""
THUMBNAIL_TURN = 2**31 - 1
"""After everything else."""


class Job(Enum):
    """The kinds of job, as the queue spells them."""

    FEED = "feed"
    SUBMIT = "submit"
    SUBMIT_RATED = "submit_rated"
    COLLECT = "collect"
    SAVE = "save"
    STOP = "stop"
    THUMBNAIL = "thumbnail"
    PURGE = "purge"

    def key(self, subject: str) -> str:
        """What makes the job the only one of its kind for its subject, as long as it waits or runs."""
        return f"{self.value}:{subject}"


class Due(NamedTuple):
    """A job to be put into the queue: what it is about, its turn, and in how many seconds it is due."""

    subject: str
    turn: int
    delay: float = 0


def subject_of(generation_id: UUID, round_: int) -> str:
    """What a generation's jobs are about: a job of an earlier round changes nothing."""
    return f"{generation_id}:{round_}"


def queue_queries(connection: Connection) -> Queries:
    """PgQueuer's statements on this connection, over the tables in schema pgq."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(SETTINGS),
        qbq=QueryQueueBuilder(SETTINGS),
        qbs=QuerySchedulerBuilder(SETTINGS),
    )


async def take_turns(session: Session, user_id: UUID, count: int) -> int:
    """The first of so many consecutive turns of this user. The session is the worker's."""
    first: int = await session.value("take_turns", user_id, count)
    return first


async def enqueue(session: Session, job: Job, subject: str, *, turn: int, delay: float = 0) -> None:
    """Puts one job into the queue, once for each subject as long as it waits or runs.

    The session is the worker's; delay is in seconds.
    """
    await enqueue_each(session, job, [Due(subject, turn, delay)])


async def enqueue_each(session: Session, job: Job, jobs: Sequence[Due]) -> None:
    """Puts several jobs of a kind into the queue, in one statement."""
    await queue_queries(session.connection).enqueue(
        [job.value] * len(jobs),
        [each.subject.encode() for each in jobs],
        [-each.turn for each in jobs],
        [timedelta(seconds=each.delay) for each in jobs],
        [job.key(each.subject) for each in jobs],
        on_conflict="skip",
    )


async def feed(session: Session, user_id: UUID) -> int:
    """Sees to it that this user's waiting work, the transaction's own too, gets into the queue.

    Gives how many images wait then. The rest of the transaction runs as studio_worker. The lock lets a feed
    that finds nothing left, and this call, only come one after the other.
    """
    queued: int = await session.value("feed", user_id, -FEED_TURN)
    return queued
