"""Items of one key that come at the same time share a call, and fail for nobody else's sake."""

import asyncio

import pytest

from worker.together import MOST, Together


@pytest.fixture
def together() -> Together:
    return Together()


class Doubling:
    """Doubles numbers, one group after the other; what a group may not hold, and whom it waits for."""

    def __init__(self, *, bad: int | None = None, error: Exception | None = None) -> None:
        self.groups: list[list[int]] = []
        self.bad = bad
        self.error = error

    async def __call__(self, items: list[int]) -> list[int]:
        self.groups.append(items)
        await asyncio.sleep(0)
        if self.error and (self.bad is None or self.bad in items):
            raise self.error
        return [2 * item for item in items]


async def test_what_comes_at_the_same_time_goes_in_one_call(together):
    double = Doubling()
    assert await asyncio.gather(*(together.serve(double, "key", n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert double.groups == [[0, 1, 2, 3, 4]]


async def test_what_comes_meanwhile_goes_into_the_next_call(together):
    double = Doubling()
    first = asyncio.create_task(together.serve(double, "key", 1))
    while not double.groups:
        await asyncio.sleep(0)
    assert await asyncio.gather(*(together.serve(double, "key", n) for n in (2, 3))) == [4, 6]
    assert await first == 2
    assert double.groups == [[1], [2, 3]]


async def test_each_key_has_calls_of_its_own(together):
    double = Doubling()
    await asyncio.gather(together.serve(double, "a", 1), together.serve(double, "b", 2))
    assert double.groups == [[1], [2]]


async def test_a_call_stays_short(together):
    double = Doubling()
    await asyncio.gather(*(together.serve(double, "key", n) for n in range(MOST + 1)))
    assert [len(group) for group in double.groups] == [MOST, 1]


async def test_none_fails_for_anothers_sake(together):
    double = Doubling(bad=2, error=ValueError("two"))
    answers = await asyncio.gather(
        *(together.serve(double, "key", n) for n in (1, 2, 3)), return_exceptions=True
    )
    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], ValueError)
    assert double.groups == [[1, 2, 3], [1], [2], [3]]


async def test_an_outage_is_everybodys(together):
    double = Doubling(error=ConnectionResetError())
    answers = await asyncio.gather(
        *(together.serve(double, "key", n) for n in (1, 2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ConnectionResetError] * 2
    assert double.groups == [[1, 2]]


async def test_a_job_that_is_cut_off_takes_nobodys_answer_with_it(together):
    double = Doubling()
    cut_off, other = (asyncio.create_task(together.serve(double, "key", n)) for n in (1, 2))
    while not double.groups:
        await asyncio.sleep(0)
    cut_off.cancel()
    assert await other == 4
    assert cut_off.cancelled() or cut_off.cancelling()


async def test_a_key_is_forgotten_once_nobody_waits(together):
    await together.serve(Doubling(), "key", 1)
    await asyncio.sleep(0)
    assert together._waiting == {}
