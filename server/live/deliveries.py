"""What is sent to subscribers, and how it waits for each of them."""

from collections.abc import AsyncGenerator, Iterable
from uuid import UUID

from resolvers.changes import Change

__all__ = ["Mailbox", "StreamCutError", "one_answer"]


class StreamCutError(Exception):
    """The service stops: the stream is not at its end, and its client may go on elsewhere."""


async def one_answer(answer: bytes) -> AsyncGenerator[Change, None]:
    """The stream of a query or a mutation."""
    yield Change(key=None, seq=0, cursor=None, answer=answer.decode())


class Mailbox:
    """What one subscriber has not been sent yet: the newest change of each key, by seq."""

    def __init__(self) -> None:
        self._newest: dict[UUID | None, Change] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def post(self, changes: Iterable[Change]) -> None:
        """They are past all that is in it."""
        for change in changes:
            self._newest.pop(change.key, None)
            self._newest[change.key] = change

    def take(self) -> Change | None:
        """The oldest, out of the box."""
        return self._newest.pop(next(iter(self._newest))) if self._newest else None

    def empty(self) -> None:
        self._newest.clear()
