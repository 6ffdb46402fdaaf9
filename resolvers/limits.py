"""How much of one user's work may wait at once; what would be more is refused whole."""

from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from db.jobs import feed
from db.session import Session
from engine.refusals import Refusal
from engine.words import UserErrorCode
from resolvers.context import Services

__all__ = ["QueueFullError", "feed_within_limits", "refuse_queued", "unless_full"]

T = TypeVar("T")


class QueueFullError(Exception):
    """Undoes the transaction that would have put in too much."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__()
        self.refusals = refusals


async def feed_within_limits(
    session: Session, user_id: UUID, services: Services, path: tuple[str, ...]
) -> None:
    """Feeds what this transaction has put in. Raises QueueFullError where that is too much.

    Counted after feed's lock: two calls of one user come here only one after the other, and the later
    one sees what the earlier one has put in.
    """
    if refusals := refuse_queued(await feed(session, user_id), services, path):
        raise QueueFullError(refusals)


def refuse_queued(queued: int, services: Services, path: tuple[str, ...]) -> list[Refusal]:
    """Nothing for so many waiting images, those asked for among them."""
    if queued <= services.max_queued:
        return []
    message = f"{queued:,} of your images would be waiting; at most {services.max_queued:,} are allowed."
    return [Refusal(path=path, code=UserErrorCode.LIMIT_REACHED, message=message)]


async def unless_full(doing: Awaitable[T]) -> T | list[Refusal]:
    """What is done, or why it was undone."""
    try:
        return await doing
    except QueueFullError as full:
        return full.refusals
