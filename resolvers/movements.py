"""What moves in a whole history: in all of one user's batches and single generations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from db.session import Session
from resolvers.changes import Change, Page, Updates, told_rows
from schema.node import Row

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


class HistoryChanges:
    """Compares what is under way, or has ended a moment ago, with how it stood at the last look.

    Of a batch that is new, the batch is told, and what has changed in it since it was put in.
    """

    can_resume = False
    rest = 0.1

    def __init__(self, user_id: UUID, batches: Updates, singles: Updates) -> None:
        self.topic = user_id
        self.sameness = batches.sameness
        self.updates = batches, singles
        self.standing: Standing | None = None
        self.told = 0

    async def read(self, context: "Context", after: int) -> Page:
        known = self.standing or Standing()
        async with context.session() as session:
            batches = await session.rows("batch_seqs", list(known.batches))
            singles = await session.rows("single_versions", list(known.singles))
            if self.standing is None:
                self.standing = _standing(batches, singles)
                return Page(changes=(), through=self.told, head=self.told)
            look = _Look(session, context, known, *self.updates)
            await look.at_batches(batches)
            await look.at_singles(singles)
        self.standing = look.standing
        return self._page(look)

    def _page(self, look: "_Look") -> Page:
        changes = []
        for key, answer in look.told:
            self.told += 1
            changes.append(Change(key=key, seq=self.told, cursor=None, answer=answer.decode()))
        return Page(changes=changes, through=self.told, head=self.told + look.left)


class _Look:
    """One look: what there is to tell, how all stands afterwards, and how much is left for the next."""

    def __init__(
        self, session: Session, context: "Context", known: Standing, batches: Updates, singles: Updates
    ) -> None:
        self.session = session
        self.context = context
        self.known = known
        self.batches = batches
        self.singles = singles
        self.standing = Standing()
        self.told: list[tuple[UUID, bytes]] = []
        self.left = 0

    async def at_batches(self, rows: Sequence[Row]) -> None:
        told = {row["id"]: self.known.batches.get(row["id"]) for row in rows}
        moved = [row for row in rows if told[row["id"]] != row["seq"]]
        self.left = max(0, len(moved) - BATCHES_AT_ONCE)
        for row in moved[:BATCHES_AT_ONCE]:
            told[row["id"]] = await self._at_batch(row, told[row["id"]])
        for row in rows:
            seq = told[row["id"]]
            if seq is not None and (row["is_recent"] or seq < row["seq"]):
                self.standing.batches[row["id"]] = seq

    async def _at_batch(self, moved: Row, told: int | None) -> int:
        """The seq up to which it is told now."""
        key, after = moved["id"], moved["since"] if told is None else told
        bound = self.context.bound(self.batches.arguments, batch=key, past=after, most=CHANGES_AT_ONCE)
        rows = await self.session.read(self.batches.statement, bound)
        if not rows:
            return int(moved["seq"])
        changed = told_rows(rows, after, CHANGES_AT_ONCE) or rows[-1:]
        self.told += [(row["key"] or key, row["answer"]) for row in changed]
        self.left += len(rows) > CHANGES_AT_ONCE
        return int(changed[-1]["seq"])

    async def at_singles(self, rows: Sequence[Row]) -> None:
        moved = [row["id"] for row in rows if self.known.singles.get(row["id"]) != row["version"]]
        self.standing.singles = {row["id"]: row["version"] for row in rows if row["is_recent"]}
        if moved:
            bound = self.context.bound(self.singles.arguments, batch=None, ids=moved)
            rows = await self.session.read(self.singles.statement, bound)
            self.told += [(row["key"], row["answer"]) for row in rows]


def _standing(batches: Iterable[Row], singles: Iterable[Row]) -> Standing:
    return Standing(
        batches={row["id"]: row["seq"] for row in batches},
        singles={row["id"]: row["version"] for row in singles},
    )
