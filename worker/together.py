"""What many jobs ask for at the same moment, done in one go.

A change locks its batch's row, so that the jobs of a batch would queue for it one by one; and a
transaction of its own costs a job more than what it does in there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from db.session import DATABASE_AWAY

__all__ = ["Together"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Call = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]
MOST = 100
"""Items of one call, so that it stays short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    item: Any
    answer: "asyncio.Future[Any]"


class Together:
    """One call for several items of the same key; it returns a result for each, in their order.

    Of one key, calls go one after the other: what comes meanwhile goes together into the next, and an
    item without company goes alone and at once. A group that fails goes once more, each item alone, so
    that none fails for another's sake; an outage is everybody's.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[_Wish]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(
        self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], key: Hashable, item: Item
    ) -> Result:
        """The item's result. Raises what the call raises."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        wish = _Wish(item=item, answer=answer)
        if key in self._waiting:
            self._waiting[key].append(wish)
        else:
            self._waiting[key] = [wish]
            task = asyncio.create_task(self._work_off(call, key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _work_off(self, call: Call, key: Hashable) -> None:
        """In a task of its own: a job that is cut off takes nobody's answer with it."""
        waiting = self._waiting[key]
        try:
            while waiting:
                group = waiting[:MOST]
                del waiting[:MOST]
                await _serve(call, group)
        finally:
            del self._waiting[key]
            for wish in waiting:
                wish.answer.cancel()


async def _serve(call: Call, group: Sequence[_Wish]) -> None:
    wanted = [wish for wish in group if not wish.answer.done()]
    if not wanted:
        return
    try:
        results = await call([wish.item for wish in wanted])
    except Exception as error:
        await _refuse(call, wanted, error)
    except BaseException:
        for wish in wanted:
            wish.answer.cancel()
        raise
    else:
        for wish, result in zip(wanted, results, strict=True):
            if not wish.answer.done():  # its job was cut off meanwhile
                wish.answer.set_result(result)


async def _refuse(call: Call, group: Sequence[_Wish], error: Exception) -> None:
    if len(group) > 1 and not isinstance(error, DATABASE_AWAY):
        for wish in group:
            await _serve(call, [wish])
        return
    for wish in group:
        if not wish.answer.done():
            wish.answer.set_exception(error)
