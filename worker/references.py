"""References on the web: fetched once for a batch, checked, and kept in storage for all that comes after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from engine.seams import ProviderError, Storage, StorageError, UploadRefusedError
from engine.uploads import LARGEST_REFERENCE
from engine.words import GenerationErrorCode
from worker.fetching import FetchError
from worker.uploads import checked_picture
from worker.work import Later, Work
from worker.workshop import Workshop

__all__ = ["KeptReferences", "with_kept_reference"]

logger = structlog.get_logger()
CLAIM = 45.0
"""Seconds that a worker has for one: more than fetching and decoding may take."""
WAIT = 1.0
PATIENCE = 10.0
"""Seconds after a failure for which the rest of the batch is told the same."""


class KeptReferences:
    """What providers read references with: by their storage keys, from the storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    async def fetch(self, reference: str, *, limit: int) -> bytes:
        """Raises FetchError for one that is gone."""
        try:
            data = await self.storage.read(reference)
        except StorageError as error:
            raise FetchError("The storage is out of reach.") from error
        if data is None or len(data) > limit:
            raise FetchError("It is not in storage any more.")
        return data


async def with_kept_reference(shop: Workshop, work: Work) -> Work:
    """The same work, its reference in storage. Raises ProviderError, and Later while another fetches it."""
    if work.reference_url is None or work.reference_key or not work.reference_url.startswith("http"):
        return work
    return replace(work, reference_key=await shop.together(_keep, work.topic, work))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The right to fetch, or what came of it already; nothing of the three while another has the right."""

    id: UUID | None = None
    key: str | None = None
    problem: str | None = None


async def _keep(shop: Workshop, works: Sequence[Work]) -> list[str]:
    """One fetch for all the jobs of a batch, over all workers."""
    work = works[0]
    claim = await _claim(shop, work)
    if claim.problem:
        raise _unusable(claim.problem)
    if claim.id:
        key = await _fetched(shop, work, claim.id)
    elif claim.key:
        key = claim.key
    else:
        raise Later(WAIT)
    return [key] * len(works)


async def _claim(shop: Workshop, work: Work) -> _Claim:
    async with shop.database.worker_session() as session:
        claimed = await session.value("claim_reference", work.user_id, work.topic, CLAIM)
        if claimed:
            return _Claim(id=claimed)
        row = await session.one("reference_of_topic", work.topic)
    return _Claim(key=row["key"], problem=row["problem"])


async def _fetched(shop: Workshop, work: Work, id: UUID) -> str:
    assert work.reference_url is not None  # noqa: S101 - who comes here has looked
    try:
        data = await shop.fetcher.fetch(work.reference_url, limit=LARGEST_REFERENCE)
        picture = await checked_picture(shop.children, data, turn=0)
    except (FetchError, UploadRefusedError) as error:
        async with shop.database.worker_session() as session:
            await session.rows("fail_reference", id, str(error), PATIENCE)
        raise _unusable(str(error)) from error
    key = f"{work.user_id}/references/{id}{picture.suffix}"
    await shop.storage.write(key, data, picture.content_type)
    async with shop.database.worker_session() as session:
        # The batch first, as everybody locks it before all else.
        await session.rows("give_reference_key", work.topic, key)
        await session.rows("keep_reference", id, key, picture.content_type, len(data))
    logger.info("reference_kept", topic=str(work.topic), bytes=len(data))
    return key


def _unusable(problem: str) -> ProviderError:
    message = f"The reference image could not be fetched: {problem}"
    return ProviderError(GenerationErrorCode.INVALID_INPUT, message, retryable=True)
