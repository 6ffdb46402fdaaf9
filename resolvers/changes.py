"""What changed since it was last looked at, read under the viewer's own role as it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self
from uuid import UUID

from db.reading.selection import Arguments, Asked
from db.reading.statements import Statement
from db.session import Record
from resolvers.faults import Fault, bad_input

if TYPE_CHECKING:
    from resolvers.context import Context

__all__ = ["BatchChanges", "Change", "Page", "Source", "Updates", "no_such_batch", "told_rows"]

CHANGES_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """The statement that reads updates as they were asked for, and what else goes into it.

    sameness is that of all for whom it gives the same: what is asked, wherever a client begins.
    """

    statement: Statement
    arguments: Sequence[Arguments]
    sameness: str

    @classmethod
    def of(cls, asked: Asked, arguments: Sequence[Arguments], statement: Statement) -> Self:
        return cls(statement=statement, arguments=arguments, sameness=repr(replace(asked, arguments={})))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One update, as the JSON of the whole answer; a later one with the same key stands for it as well.

    cursor is None where there is none.
    """

    key: UUID | None
    seq: int
    cursor: str | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Changes by seq: all that there is up to `through`.

    head is the newest seq of all; finished says that nothing will come after it, unless it is begun again.
    """

    changes: Sequence[Change]
    through: int
    head: int
    finished: bool = False


class Source(Protocol):
    """Something that changes. rest is how many seconds to leave between two looks at it.

    A source that can be resumed is read past any seq; of another one the first read only notes what
    stands, and each later read tells what has moved since the one before. Of one topic, one source stands
    for all of the same sameness.
    """

    topic: UUID
    sameness: str
    can_resume: bool
    rest: float

    async def read(self, context: "Context", after: int) -> Page:
        """Raises Fault where there is nothing to be seen."""
        ...


class BatchChanges:
    """The changes of one batch: each generation's newest state, by the batch's own seq."""

    can_resume = True
    rest = 0.0

    def __init__(self, batch_id: UUID, updates: Updates) -> None:
        self.topic = batch_id
        self.sameness = updates.sameness
        self.updates = updates

    async def read(self, context: "Context", after: int) -> Page:
        bound = context.bound(self.updates.arguments, batch=self.topic, past=after, most=CHANGES_AT_ONCE)
        rows = await context.read(self.updates.statement, bound)
        if not rows:
            raise no_such_batch()
        head, finished = rows[0]["head"], rows[0]["finished"]
        if after > head:
            raise bad_input("This cursor is from the future of the batch.")
        changes = [
            Change(key=row["key"], seq=row["seq"], cursor=row["cursor"], answer=row["answer"].decode())
            for row in told_rows(rows, after, CHANGES_AT_ONCE)
        ]
        through = changes[-1].seq if changes else after
        return Page(changes=changes, through=through, head=head, finished=finished)


def told_rows(rows: Sequence[Record], after: int, limit: int) -> Sequence[Record]:
    """The rows of CHANGES to be told: the batch alone only where no generation has its head's seq."""
    *moved, alone = rows
    newest = moved[-1]["seq"] if moved else after
    return rows if len(moved) < limit and newest < alone["seq"] else moved


def no_such_batch() -> Fault:
    """The same for one that is absent and one that is not the viewer's to see."""
    return Fault("NOT_FOUND", "There is no such batch.")
