"""What changed since it was last looked at, read under the viewer's own role."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from db.session import Session
from engine.cursors import BatchCursor
from engine.words import BatchStatus
from resolvers.faults import Fault, bad_input
from schema.history import Batch, Generation
from schema.node import Row
from schema.payloads import BatchUpdate, HistoryUpdate

__all__ = ["BatchChanges", "Change", "Page", "Reader", "Source", "changed_rows", "no_such_batch"]

CHANGES_AT_ONCE = 500


class Reader(Protocol):
    """What a source reads with: a context of one viewer."""

    def session(self) -> AbstractAsyncContextManager[Session]: ...

    def addresses(self) -> list[str]:
        """The hour's keys for studio.signed_address."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One update; a later one with the same key stands for it as well. cursor is None where there is none."""

    key: UUID | None
    seq: int
    cursor: str | None
    update: BatchUpdate | HistoryUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Changes by seq: all that there is up to `through`. head is the newest seq of all."""

    changes: Sequence[Change]
    through: int
    head: int
    finished: bool = False

    @property
    def is_last(self) -> bool:
        """Whether nothing will come after it."""
        return self.finished and self.through == self.head


class Source(Protocol):
    """Something that changes. rest is how many seconds to leave between two looks at it.

    A source that can be resumed is read past any seq; of another one the first read only notes what
    stands, and each later read tells what has moved since the one before.
    """

    topic: UUID
    can_resume: bool
    rest: float

    async def read(self, reader: Reader, after: int) -> Page:
        """Raises Fault where there is nothing to be seen."""
        ...


class BatchChanges:
    """The changes of one batch: each generation's newest state, by the batch's own seq."""

    can_resume = True
    rest = 0.0

    def __init__(self, batch_id: UUID) -> None:
        self.topic = batch_id

    async def read(self, reader: Reader, after: int) -> Page:
        addresses = reader.addresses()
        async with reader.session() as session:
            rows = await session.rows("changes_of_batch", self.topic, after, CHANGES_AT_ONCE, addresses)
        if not rows:
            raise no_such_batch()
        batch = rows[0]["batch"]
        if after > batch["seq"]:
            raise bad_input("This cursor is from the future of the batch.")
        told = Batch.of(batch)
        changes = [_change(told, *each) for each in changed_rows(rows, after, CHANGES_AT_ONCE)]
        return Page(
            changes=changes,
            through=changes[-1].seq if changes else after,
            head=batch["seq"],
            finished=BatchStatus(batch["status"]).finished,
        )


def changed_rows(rows: Sequence[Row], after: int, limit: int) -> Iterator[tuple[Row | None, int]]:
    """The generations of changes_of_batch, each with its seq; last None, for a change of the batch alone."""
    for row in rows:
        if row["id"] is not None:
            after = row["seq"]
            yield row, after
    head = rows[0]["batch"]["seq"]
    if len(rows) < limit and after < head:
        yield None, head


def _change(batch: Batch, row: Row | None, seq: int) -> Change:
    cursor = BatchCursor(batch.key, seq).encode()
    generation = Generation.of(row) if row else None
    return Change(
        key=generation.key if generation else None,
        seq=seq,
        cursor=cursor,
        update=BatchUpdate(cursor=cursor, generation=generation, batch=batch),
    )


def no_such_batch() -> Fault:
    """The same for one that is absent and one that is not the viewer's to see."""
    return Fault("NOT_FOUND", "There is no such batch.")
