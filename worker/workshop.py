"""What every job works with, and how it reads and changes its generation."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from db.changes import Change, Changed, apply_change
from db.jobs import Job, subject_of
from db.session import Database
from engine.seams import Hints, NoTraces, Provider, ProviderError, Storage, Traces
from engine.words import GenerationErrorCode, GenerationStatus
from worker.children import Children
from worker.fetching import Fetcher
from worker.rated import Governor
from worker.together import Together
from worker.work import Task, Work

__all__ = ["Workshop", "begin_saving", "change_now", "load_work"]

Item = TypeVar("Item")
Result = TypeVar("Result")
logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Built once a worker.

    max_running bounds what is in the queue for one user; save_delays are the seconds between the
    tries to save an image; settle_seconds after a call, a provider's list that does not show it proves
    that it never arrived; deadline is how many seconds a run may take.
    """

    database: Database
    hints: Hints
    storage: Storage
    children: Children
    fetcher: Fetcher
    providers: Mapping[str, Provider]
    governors: Sequence[Governor] = ()
    max_running: int = 100
    save_delays: Sequence[float] = (1, 5, 30, 120, 600)
    settle_seconds: float = 60
    deadline: float = 600
    traces: Traces = field(default_factory=NoTraces)
    groups: Together = field(default_factory=Together)

    def provider_of(self, model: str) -> Provider:
        """The provider that offers this model. Raises ProviderError."""
        provider = self.providers.get(model)
        if provider is None:
            raise ProviderError(GenerationErrorCode.MODEL_NOT_FOUND, f"No provider offers {model} any more.")
        return provider

    def submit_job(self, model: str) -> Job:
        """Whether asking for this model needs a permit."""
        provider = self.providers.get(model)
        return Job.SUBMIT_RATED if provider and provider.rated else Job.SUBMIT

    async def together(
        self,
        call: Callable[["Workshop", Sequence[Item]], Awaitable[Sequence[Result]]],
        key: Hashable,
        item: Item,
    ) -> Result:
        """What the call gives for this item; items of one key that come at the same time share a call."""
        return await self.groups.serve(partial(call, self), (call, key), item)


async def load_work(shop: Workshop, task: Task) -> Work | None:
    """None for a generation that is gone, or a job of an earlier round."""
    return await shop.together(_load_all, None, task)


async def _load_all(shop: Workshop, tasks: Sequence[Task]) -> list[Work | None]:
    async with shop.database.worker_session() as session:
        rows = await session.rows("generations_for_work", [task.generation_id for task in tasks])
    by_subject = {subject_of(row["id"], row["round"]): row for row in rows}
    return [Work.of(dict(row)) if (row := by_subject.get(task.subject)) else None for task in tasks]


async def change_now(shop: Workshop, work: Work, change: Change) -> Changed | None:
    """One change in a transaction of its own, and the hint after it."""
    async with shop.database.worker_session() as session:
        changed = await apply_change(session, work.id, change)
    if changed:
        shop.hints.tell(*changed.topics)
        if change.error and change.status is GenerationStatus.FAILED:
            code = change.error.code.value
            logger.info("generation_failed", generation=str(work.id), code=code)
    return changed


async def begin_saving(shop: Workshop, work: Work) -> bool:
    """The run has succeeded; what it made is saved from here on. False where another job was first."""
    return await shop.together(_begin_saving, work.topic, work)


async def _begin_saving(shop: Workshop, works: Sequence[Work]) -> list[bool]:
    async with shop.database.worker_session() as session:
        saving = Change(status=GenerationStatus.SAVING)
        changed = await apply_change(session, [work.id for work in works], saving)
    if changed:
        shop.hints.tell(*changed.topics)
    return [changed is not None and work.id in changed.ids for work in works]
