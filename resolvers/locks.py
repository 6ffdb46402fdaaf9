"""Rows held for a change by the viewer: locked under the viewer's own role, so that what is found is theirs.

A batch is always locked before its generations, as the worker does. Whoever waits for news is told once
the change is committed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from db.session import Record, Session
from engine.refusals import Refusal, not_found
from engine.words import UserErrorCode
from resolvers.context import Context

__all__ = [
    "Held",
    "absent",
    "conflict",
    "controlled_batch",
    "controlled_generation",
    "held_batch",
    "in_trash",
]


@dataclass(slots=True)
class Held:
    """A batch or a generation held by this transaction, and whom to tell; row None where there is none."""

    session: Session
    row: Record | None
    topics: set[UUID] = field(default_factory=set)

    async def touch(self) -> None:
        """Something of the batch itself was changed. The session is the worker's from here on."""
        if self.row is not None:
            await self.session.become_worker()
            await self.session.rows("touch_batch", self.row["id"])
            self.topics |= {self.row["id"], self.row["user_id"]}


@asynccontextmanager
async def held_batch(context: Context, key: UUID | None) -> AsyncIterator[Held]:
    """Still under the viewer's own role."""
    async with context.session() as session:
        held = Held(session, await session.row("lock_batch", key) if key else None)
        yield held
    context.services.hints.tell(*held.topics)


@asynccontextmanager
async def controlled_batch(context: Context, key: UUID | None) -> AsyncIterator[Held]:
    """Under the worker's role by now, which may do to this row what its owner asks for."""
    async with held_batch(context, key) as held:
        await held.session.become_worker()
        yield held


@asynccontextmanager
async def controlled_generation(
    context: Context, key: UUID | None
) -> AsyncIterator[tuple[Held, Record | None]]:
    """The generation, and its batch if it has one; under the worker's role by now."""
    async with context.session() as session:
        batch_id = await session.value("batch_id_of_generation", key) if key else None
        batch = await session.row("lock_batch", batch_id) if batch_id else None
        held = Held(session, await session.row("lock_generation", key) if key else None)
        await session.become_worker()
        yield held, batch
    context.services.hints.tell(*held.topics)


def absent(what: str, path: tuple[str, ...] = ("id",)) -> Refusal:
    return not_found(path, f"There is no such {what}.")


def conflict(message: str, path: tuple[str, ...] = ("id",)) -> Refusal:
    return Refusal(path=path, code=UserErrorCode.CONFLICT, message=message)


def in_trash(what: str, path: tuple[str, ...] = ("id",)) -> Refusal:
    """Nothing but its restoration can be asked of it."""
    return conflict(f"This {what} is in the trash: restore it first.", path)
