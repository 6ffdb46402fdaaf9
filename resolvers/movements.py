"""What moves in a whole history: in all of one user's batches and single generations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from uuid import UUID

from db.session import Record, Session
from resolvers.changes import Change, Page, Updates, told_rows

if TYPE_CHECKING:
    from resolvers.context import Context

__all__ = ["HistoryChanges"]

BATCHES_AT_ONCE = 20
CHANGES_AT_ONCE = 100
"""Of each batch."""


@dataclass(slots=True)
class Standing:
    """How far each batch has been told, by its seq, and each single generation, by its row's version."""

    batches: dict[UUID, int] = field(default_factory=dict)
    singles: dict[UUID, str] = field(default_factory=dict)

    @classmethod
    def of(cls, batches: Iterable[Record], singles: Iterable[Record]) -> Self:
        return cls({row["id"]: row["seq"] for row in batches}, {row["id"]: row["version"] for row in singles})


class HistoryChanges:
    """Compares what is under way, or has ended a moment ago, with how it stood at the last look.

    Of a batch that is new, the batch is told, and what has changed in it since it was put in.
    """

    can_resume = False
    rest = 0.1

    def __init__(self, user_id: UUID, batches: Updates, singles: Updates) -> None:
        self.topic = user_id
        self.sameness = batches.sameness
        self.batches = batches
        self.singles = singles
        self.standing: Standing | None = None
        self.told = 0

    async def read(self, context: "Context", after: int) -> Page:
        known = self.standing or Standing()
        async with context.session() as session:
            batches = await session.rows("batch_seqs", list(known.batches))
            singles = await session.rows("single_versions", list(known.singles))
            look = _Look(self, session, context, self.standing or Standing.of(batches, singles))
            await look.at_batches(batches)
            await look.at_singles(singles)
        self.standing = look.standing
        self.told += len(look.changes)
        return Page(changes=look.changes, through=self.told, head=self.told + look.left)


@dataclass(slots=True)
class _Look:
    """One look: what there is to tell, how all stands afterwards, and how much is left for the next."""

    source: HistoryChanges
    session: Session
    context: "Context"
    known: Standing
    standing: Standing = field(default_factory=Standing)
    changes: list[Change] = field(default_factory=list)
    left: int = 0

    async def at_batches(self, rows: Sequence[Record]) -> None:
        told = {row["id"]: self.known.batches.get(row["id"]) for row in rows}
        moved = [row for row in rows if told[row["id"]] != row["seq"]]
        self.left = max(0, len(moved) - BATCHES_AT_ONCE)
        for row in moved[:BATCHES_AT_ONCE]:
            told[row["id"]] = await self._at_batch(row, told[row["id"]])
        for row in rows:
            seq = told[row["id"]]
            if seq is not None and (row["is_recent"] or seq < row["seq"]):
                self.standing.batches[row["id"]] = seq

    async def _at_batch(self, moved: Record, told: int | None) -> int:
        """The seq up to which it is told now."""
        key, after = moved["id"], moved["since"] if told is None else told
        updates = self.source.batches
        bound = self.context.bound(updates.arguments, batch=key, past=after, most=CHANGES_AT_ONCE)
        rows = await self.session.read(updates.statement, bound)
        if not rows:
            return int(moved["seq"])
        changed = told_rows(rows, after, CHANGES_AT_ONCE) or rows[-1:]
        for row in changed:
            self._tell(row["key"] or key, row["answer"])
        self.left += len(rows) > CHANGES_AT_ONCE
        return int(changed[-1]["seq"])

    async def at_singles(self, rows: Sequence[Record]) -> None:
        moved = [row["id"] for row in rows if self.known.singles.get(row["id"]) != row["version"]]
        self.standing.singles = {row["id"]: row["version"] for row in rows if row["is_recent"]}
        if moved:
            updates = self.source.singles
            bound = self.context.bound(updates.arguments, batch=None, ids=moved)
            for row in await self.session.read(updates.statement, bound):
                self._tell(row["key"], row["answer"])

    def _tell(self, key: UUID, answer: bytes) -> None:
        seq = self.source.told + len(self.changes) + 1
        self.changes.append(Change(key=key, seq=seq, cursor=None, answer=answer.decode()))
