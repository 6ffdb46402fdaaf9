"""Copies outputs into durable storage and saves them into their owner's history."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from db.changes import Change, Changed, FencedError, change_or_undo
from db.jobs import THUMBNAIL_TURN, Job, enqueue, enqueue_each
from db.session import DATABASE_AWAY, Session
from engine.seams import Output, ProviderError, StorageError
from engine.words import GenerationErrorCode, GenerationStatus
from worker.children import ChildFailed
from worker.pictures import Picture, PictureRefused, inspect
from worker.thumbnails import USUAL_WIDTH, thumbnail_key
from worker.workshop import Later, Task, Work, Workshop, load_work

__all__ = ["StoredOutput", "keep_outputs", "save", "save_again"]

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """An output in storage, and what decoding it told."""

    key: str
    picture: Picture
    byte_size: int
    checksum: str


async def keep_outputs(
    shop: Workshop, work: Work, task: Task, outputs: Sequence[Output]
) -> list[StoredOutput]:
    """Copies every output into storage, in order. Raises ProviderError and StorageError."""
    if not outputs:
        raise ProviderError(GenerationErrorCode.OUTPUT_INVALID, "The model gave no picture.")
    provider = shop.provider_of(work.model)
    run = work.run(task.turn)
    kept = []
    for number, output in enumerate(outputs):
        data = await provider.read(output, run)
        picture = await _look_at(shop, data, run.turn)
        # The key follows from the generation alone: a job that runs twice leaves one file.
        key = f"{work.user_id}/{work.id}/{number}{picture.suffix}"
        await shop.storage.write(key, data, picture.content_type)
        kept.append(_stored(key, data, picture))
    return kept


async def save(shop: Workshop, work: Work, outputs: Sequence[StoredOutput]) -> Changed | None:
    """One transaction: the images under their owner's own role, the change under the worker's.

    What the owner's session refuses is undone alone; the generation is then made but not saved. The
    change tells when to try again. None where another job was first.
    """
    try:
        change, changed = await _save_in_one(shop, work, outputs)
    except FencedError:
        return None
    shop.hints.tell(changed.topic)
    if not change.saved:
        logger.warning("save_failed", generation=str(work.id), tries=work.saves + 1)
    return changed


async def _save_in_one(shop: Workshop, work: Work, outputs: Sequence[StoredOutput]) -> tuple[Change, Changed]:
    """The change before the rows: their foreign key takes a weaker lock on the batch, and two
    transactions that both hold that one and want the change's would wait for each other.
    """
    keys = [output.key for output in outputs]
    async with shop.database.worker_session() as session:
        change = _saved(keys)
        changed = await _save_rows(session, work, outputs, change)
        if changed is None:
            change = _not_saved(shop, work, keys)
            await _try_again(session, work, change)
            changed = await change_or_undo(session, work.id, change)
        return change, changed


async def _save_rows(
    session: Session, work: Work, outputs: Sequence[StoredOutput], change: Change
) -> Changed | None:
    """The rows in their owner's own session; None, and nothing done, where that refuses them."""
    try:
        async with session.savepoint():
            await _enqueue_thumbnails(session, outputs)
            changed = await change_or_undo(session, work.id, change)
            await session.become(work.owner)
            for number, output in enumerate(outputs):
                await session.rows("insert_image", *_image_row(work, number, output))
    except asyncpg.PostgresError as error:
        if isinstance(error, (*DATABASE_AWAY, asyncpg.TransactionRollbackError)):
            raise
        logger.warning("insert_refused", generation=str(work.id), reason=type(error).__name__)
        return None
    return changed


async def save_again(shop: Workshop, task: Task) -> None:
    """Another try at what a save refused; the files are in storage."""
    async with shop.database.worker_session() as session:
        work = await load_work(session, task)
    if work is None or work.status is not GenerationStatus.SUCCEEDED or work.saved:
        return
    outputs = [await _read_back(shop, key, task.turn) for key in work.outputs]
    changed = await save(shop, work, outputs)
    if changed and changed.retry_in is not None:
        raise Later(changed.retry_in)


def _saved(keys: list[str]) -> Change:
    return Change(status=GenerationStatus.SUCCEEDED, saved=True, outputs=keys)


def _not_saved(shop: Workshop, work: Work, keys: list[str]) -> Change:
    """With a time for the next try, or given up after the last."""
    delay = next(iter(shop.save_delays[work.saves :]), None)
    return Change(
        status=GenerationStatus.SUCCEEDED,
        error=ProviderError(
            GenerationErrorCode.SAVE_FAILED,
            "The image is stored, but it could not be saved into the history.",
            retryable=delay is not None,
        ),
        retry_at=None if delay is None else datetime.now(UTC) + timedelta(seconds=delay),
        outputs=keys,
        saves=1,
    )


async def _enqueue_thumbnails(session: Session, outputs: Sequence[StoredOutput]) -> None:
    """A picture no wider than its thumbnail is copied at once when somebody asks."""
    wide = [(output.key, THUMBNAIL_TURN) for output in outputs if output.picture.width > USUAL_WIDTH]
    if wide:
        await enqueue_each(session, Job.THUMBNAIL, wide)


async def _try_again(session: Session, work: Work, change: Change) -> None:
    """A save that is itself a retry comes again by raising Later: its job still runs."""
    if change.retry_at and work.status is not GenerationStatus.SUCCEEDED:
        delay = (change.retry_at - datetime.now(UTC)).total_seconds()
        await enqueue(session, Job.SAVE, work.subject, turn=0, delay=max(delay, 0))


async def _read_back(shop: Workshop, key: str, turn: int) -> StoredOutput:
    data = await shop.storage.read(key)
    if data is None:
        raise StorageError("A stored file is gone.")
    return _stored(key, data, await _look_at(shop, data, turn))


async def _look_at(shop: Workshop, data: bytes, turn: int) -> Picture:
    """Raises ProviderError for what is no picture."""
    try:
        return await shop.children.run(inspect, data, turn=turn)
    except (PictureRefused, ChildFailed) as error:
        raise ProviderError(
            GenerationErrorCode.OUTPUT_INVALID, "What the model gave is no picture.", retryable=True
        ) from error


def _stored(key: str, data: bytes, picture: Picture) -> StoredOutput:
    checksum = hashlib.sha256(data).hexdigest()
    return StoredOutput(key=key, picture=picture, byte_size=len(data), checksum=checksum)


def _image_row(work: Work, number: int, output: StoredOutput) -> tuple[Any, ...]:
    picture = output.picture
    return (
        work.id,
        number,
        work.collection_id,
        work.batch_id,
        work.position,
        work.name,
        work.prompt,
        output.key,
        thumbnail_key(output.key, USUAL_WIDTH),
        work.reference_url,
        work.model,
        {**work.parameters, "seed": work.seed},
        work.seed,
        picture.placeholder,
        picture.width,
        picture.height,
        picture.content_type,
        output.byte_size,
        output.checksum,
    )
