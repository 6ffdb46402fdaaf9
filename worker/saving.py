"""Copies outputs into durable storage and saves them into their owner's history."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from db.changes import Change, Changed, apply_change
from db.jobs import SAVE_TURN, THUMBNAIL_TURN, Due, Job, enqueue, enqueue_each
from db.session import DATABASE_AWAY, Session
from engine.seams import Output, ProviderError, StorageError
from engine.words import GenerationErrorCode, GenerationStatus
from worker.children import ChildFailed
from worker.pictures import Picture, PictureRefused, inspect
from worker.thumbnails import USUAL_WIDTH, thumbnail_key
from worker.work import Later, Task, Work
from worker.workshop import Workshop, load_work

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A generation with what was made for it, in storage."""

    work: Work
    outputs: Sequence[StoredOutput]

    @property
    def keys(self) -> list[str]:
        return [output.key for output in self.outputs]


class _RefusedError(Exception):
    """The owner's session refused one of several: each is to be tried alone."""


async def save(shop: Workshop, work: Work, outputs: Sequence[StoredOutput]) -> Changed | None:
    """One transaction: the images under their owner's own role, the change under the worker's.

    What the owner's session refuses is undone alone; the generation is then made but not saved. The
    change tells when to try again. None where another job was first.
    """
    return await shop.together(_save, work.topic, _Made(work=work, outputs=outputs))


async def _save(shop: Workshop, all_made: Sequence[_Made]) -> list[Changed | None]:
    """The change before the rows: their foreign key takes a weaker lock on the batch, and two
    transactions that both hold that one and want the change's would wait for each other.
    """
    async with shop.database.worker_session() as session:
        try:
            changed = await _save_rows(session, all_made)
        except _RefusedError:
            if len(all_made) > 1:
                raise
            changed = await _give_back(shop, session, all_made[0])
    if changed:
        shop.hints.tell(*changed.topics)
    return [changed if changed and made.work.id in changed.ids else None for made in all_made]


async def _save_rows(session: Session, all_made: Sequence[_Made]) -> Changed | None:
    """The rows in their owner's own session. Raises _RefusedError, and nothing is done."""
    try:
        async with session.savepoint():
            outputs = {made.work.id: made.keys for made in all_made}
            saved = Change(status=GenerationStatus.SUCCEEDED, saved=True, outputs=outputs)
            changed = await apply_change(session, list(outputs), saved)
            if changed:
                mine = [made for made in all_made if made.work.id in changed.ids]
                await _enqueue_thumbnails(session, mine)
                await session.become(mine[0].work.owner)
                await session.rows("insert_images", _image_rows(mine))
            return changed
    except asyncpg.PostgresError as error:
        if isinstance(error, (*DATABASE_AWAY, asyncpg.TransactionRollbackError)):
            raise
        logger.warning("insert_refused", images=len(all_made), reason=type(error).__name__)
        raise _RefusedError from error


async def _give_back(shop: Workshop, session: Session, made: _Made) -> Changed | None:
    """Made but not saved, with a job for the next try."""
    change = _not_saved(shop, made)
    logger.warning("save_failed", generation=str(made.work.id), tries=made.work.saves + 1)
    changed = await apply_change(session, made.work.id, change)
    if changed:
        await _try_again(session, made.work, change)
    return changed


async def save_again(shop: Workshop, task: Task) -> None:
    """Another try at what a save refused; the files are in storage."""
    work = await load_work(shop, task)
    if work is None or work.status is not GenerationStatus.SUCCEEDED or work.saved:
        return
    outputs = [await _read_back(shop, key, task.turn) for key in work.outputs]
    changed = await save(shop, work, outputs)
    if changed and changed.retry_in is not None:
        raise Later(changed.retry_in)


def _not_saved(shop: Workshop, made: _Made) -> Change:
    """With a time for the next try, or given up after the last."""
    delay = next(iter(shop.save_delays[made.work.saves :]), None)
    return Change(
        status=GenerationStatus.SUCCEEDED,
        error=ProviderError(
            GenerationErrorCode.SAVE_FAILED,
            "The image is stored, but it could not be saved into the history.",
            retryable=delay is not None,
        ),
        retry_at=None if delay is None else datetime.now(UTC) + timedelta(seconds=delay),
        outputs={made.work.id: made.keys},
        saves=1,
    )


async def _enqueue_thumbnails(session: Session, all_made: Sequence[_Made]) -> None:
    """A picture no wider than its thumbnail is copied at once when somebody asks."""
    outputs = [output for made in all_made for output in made.outputs]
    wide = [Due(output.key, THUMBNAIL_TURN) for output in outputs if output.picture.width > USUAL_WIDTH]
    if wide:
        await enqueue_each(session, Job.THUMBNAIL, wide)


async def _try_again(session: Session, work: Work, change: Change) -> None:
    """A save that is itself a retry comes again by raising Later: its job still runs."""
    if change.retry_at and work.status is not GenerationStatus.SUCCEEDED:
        delay = (change.retry_at - datetime.now(UTC)).total_seconds()
        await enqueue(session, Job.SAVE, work.subject, turn=SAVE_TURN, delay=max(delay, 0))


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


def _image_rows(all_made: Sequence[_Made]) -> list[dict[str, Any]]:
    return [
        _image_row(made.work, number, output)
        for made in all_made
        for number, output in enumerate(made.outputs)
    ]


def _image_row(work: Work, number: int, output: StoredOutput) -> dict[str, Any]:
    """By column; the owner is whose session it is."""
    picture = output.picture
    return {
        "generation_id": work.id,
        "output": number,
        "collection_id": work.collection_id,
        "batch_id": work.batch_id,
        "position": work.position,
        "name": work.name,
        "prompt": work.prompt,
        "url": output.key,
        "thumbnail_url": thumbnail_key(output.key, USUAL_WIDTH),
        "reference_url": work.reference,
        "model": work.model,
        "parameters": {**work.parameters, "seed": work.seed},
        "seed": work.seed,
        "placeholder": picture.placeholder,
        "width": picture.width,
        "height": picture.height,
        "content_type": picture.content_type,
        "byte_size": output.byte_size,
        "checksum": output.checksum,
    }
