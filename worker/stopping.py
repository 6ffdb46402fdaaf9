"""Stops a run whose answer is still waited for: the job that waits cannot, and no other follows the run."""

from contextlib import suppress

from db.changes import Change
from engine.seams import ProviderError
from engine.words import GenerationStatus
from worker.work import Task
from worker.workshop import Workshop, change_now, load_work

__all__ = ["stop"]


async def stop(shop: Workshop, task: Task) -> None:
    """Ends what its owner does not want any more, where the run goes by its call's id.

    Who waits for the run hears that it was cancelled, or what it made, too late to change anything.
    """
    work = await load_work(shop, task)
    if work is None or work.status is not GenerationStatus.RUNNING or not work.cancel_asked:
        return
    provider = shop.provider_of(work.model)
    if work.open_call is None or not provider.takes_ids:
        return
    with suppress(ProviderError):  # a server that is away has lost the run
        await provider.cancel(str(work.open_call.id))
    await change_now(shop, work, Change(status=GenerationStatus.CANCELED))
