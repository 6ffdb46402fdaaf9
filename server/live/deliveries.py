"""What is sent to subscribers, and how it waits for each of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self
from uuid import UUID

__all__ = ["Delivery", "Mailbox", "OneAnswer", "Stream", "StreamCutError"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One update, as the text of its JSON. is_last says that none will come after it."""

    key: UUID | None
    seq: int
    payload: str
    cursor: str | None
    is_last: bool = False


class StreamCutError(Exception):
    """The service stops: the stream is not at its end, and its client may go on elsewhere."""


class Stream(Protocol):
    """Deliveries as they come. Raises RefusedError and StreamCutError; close it in the end."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Delivery: ...

    async def aclose(self) -> None: ...


class OneAnswer:
    """The stream of a query or a mutation."""

    def __init__(self, delivery: Delivery) -> None:
        self._left = [delivery]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()

    async def aclose(self) -> None:
        """There is nothing to close."""


class Mailbox:
    """What one subscriber has not been sent yet: the newest delivery of each key, by seq."""

    def __init__(self) -> None:
        self._newest: dict[UUID | None, Delivery] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def post(self, deliveries: Iterable[Delivery]) -> None:
        """They are past all that is in it."""
        for delivery in deliveries:
            self._newest.pop(delivery.key, None)
            self._newest[delivery.key] = delivery

    def take(self) -> Delivery | None:
        """The oldest, out of the box."""
        return self._newest.pop(next(iter(self._newest))) if self._newest else None

    def empty(self) -> None:
        self._newest.clear()
