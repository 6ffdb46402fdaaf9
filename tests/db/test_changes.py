"""The one way in which a generation changes: fenced, counted in its batch, in order."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.changes import Change, apply_change, failure, internal_error, save_due
from db.session import Database
from engine.transitions import NEXT
from engine.words import BatchStatus, GenerationErrorCode
from engine.words import GenerationStatus as S
from tests.reading import changes

COUNTERS = ("queued", "running", "succeeded", "failed", "canceled", "saved", "unsaved")
GROUPS = {
    "queued": {"QUEUED", "THROTTLED"},
    "running": {"RUNNING", "SAVING"},
    "succeeded": {"SUCCEEDED"},
    "failed": {"FAILED"},
    "canceled": {"CANCELED"},
}
WAY_TO = {
    S.QUEUED: [],
    S.THROTTLED: [S.THROTTLED],
    S.RUNNING: [S.RUNNING],
    S.SAVING: [S.RUNNING, S.SAVING],
    S.SUCCEEDED: [S.RUNNING, S.SAVING, S.SUCCEEDED],
    S.FAILED: [S.RUNNING, S.FAILED],
    S.CANCELED: [S.CANCELED],
}


def in_a_minute() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def unsaved(*, retry: bool = True) -> Change:
    """A success whose save was refused; to be tried again, or given up."""
    return Change(
        status=S.SUCCEEDED, error=internal_error(), retry_at=in_a_minute() if retry else None, saves=1
    )


def saved() -> Change:
    return Change(status=S.SUCCEEDED, saved=True)


def change_to(status: S) -> Change:
    return saved() if status is S.SUCCEEDED else Change(status=status)


@pytest.fixture
def database(house) -> Database:
    """Shared: every test changes rows of its own."""
    return house.database


@pytest.fixture
def change(database) -> Callable[..., Awaitable[Any]]:
    """Applies changes one after the other, each in a transaction of its own; the last one's result."""

    async def apply(generation_id: UUID, *changes: Change | S) -> Any:
        result = None
        for each in changes:
            async with database.worker_session() as session:
                wanted = change_to(each) if isinstance(each, S) else each
                result = await apply_change(session, generation_id, wanted)
        return result

    return apply


@pytest.fixture
def rows(database) -> Callable[[UUID], Awaitable[tuple[Any, list[Any]]]]:
    """A batch and its generations as they are."""

    async def read(batch_id: UUID) -> tuple[Any, list[Any]]:
        async with database.worker_session() as session:
            batch = (await session.rows("batches_by_id", [batch_id]))[0]
            made = "select * from generations where batch_id = $1 order by position"
            return batch, await session.connection.fetch(made, batch_id)

    return read


@pytest.fixture
def started(database, ada, new_batch):
    """A new batch of ada's."""

    async def start(total: int = 1):
        async with database.session(ada) as session:
            return await new_batch(session, total=total)

    return start


def counted(generations: list[Any]) -> dict[str, int]:
    """What the counters of a batch with these generations must be."""
    states = [row["status"] for row in generations]
    counts = {name: sum(state in group for state in states) for name, group in GROUPS.items()}
    counts["saved"] = sum(row["saved"] for row in generations)
    counts["unsaved"] = sum(
        row["status"] == "SUCCEEDED" and not row["saved"] and row["retry_at"] is not None
        for row in generations
    )
    return counts


async def test_a_new_batch_counts_its_generations_as_its_first_changes(started, rows):
    batch, generations = await rows((await started(3)).id)
    assert (batch["total"], batch["queued"], batch["status"], batch["seq"]) == (3, 3, "QUEUED", 3)
    assert [row["seq"] for row in generations] == [1, 2, 3]


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
async def test_a_change_follows_only_where_it_may(before, after, ada, started, change, rows):
    made = await started()
    await change(made.generations[0], *WAY_TO[before])
    was = await rows(made.id)

    changed = await change(made.generations[0], after)

    batch, (generation,) = await rows(made.id)
    if after in NEXT[before] and before is not S.SUCCEEDED:
        assert changed.topics == {made.id, ada.user_id}
        assert generation["status"] == after.value
        assert batch["seq"] == generation["seq"] == was[0]["seq"] + 1
    else:
        assert changed is None
        assert (batch, [generation]) == was


async def test_a_change_of_nothing_changes_nothing(change):
    assert await change(UUID(int=1), S.RUNNING) is None


async def test_a_change_stands_or_falls_with_its_transaction(database, started, rows):
    made = await started()
    was = await rows(made.id)

    async def fail() -> None:
        async with database.worker_session() as session:
            assert await apply_change(session, made.generations[0], Change(status=S.RUNNING))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await rows(made.id) == was


async def test_attempts_and_saves_add_up_and_outputs_stay(started, change, rows):
    made = await started()
    key = made.generations[0]
    running = Change(status=S.RUNNING, attempts=1)
    kept = Change(status=S.SAVING, outputs={key: ["a", "b"]})
    await change(key, running, running, kept, unsaved())
    _, (row,) = await rows(made.id)
    assert (row["attempts"], row["saves"], row["outputs"]) == (2, 1, ["a", "b"])


async def test_an_error_is_told_until_the_next_change(started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, failure(internal_error()))
    _, (row,) = await rows(made.id)
    assert (row["error_code"], row["error_retryable"]) == (GenerationErrorCode.INTERNAL.value, True)
    assert row["error_message"]
    await change(made.generations[0], S.QUEUED)
    _, (row,) = await rows(made.id)
    assert (row["error_code"], row["error_message"], row["error_retryable"]) == (None, None, None)


async def test_a_change_says_when_to_come_again(started, change):
    made = await started()
    throttled = Change(status=S.THROTTLED, error=internal_error(), retry_at=in_a_minute())
    assert 50 < (await change(made.generations[0], throttled)).retry_in <= 60
    assert (await change(made.generations[0], S.RUNNING)).retry_in is None


async def test_times_tell_when_work_began_and_ended(started, change, rows):
    made = await started()
    await change(made.generations[0], S.THROTTLED)
    batch, (row,) = await rows(made.id)
    assert batch["started_at"] is row["started_at"] is row["finished_at"] is None
    await change(made.generations[0], S.RUNNING, S.SAVING, S.SUCCEEDED)
    batch, (row,) = await rows(made.id)
    assert (
        batch["created_at"]
        < batch["started_at"]
        == row["started_at"]
        < row["finished_at"]
        == batch["finished_at"]
    )


async def test_a_retry_opens_the_batch_again(started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.FAILED)
    began = (await rows(made.id))[0]
    await change(made.generations[0], S.QUEUED)
    batch, (row,) = await rows(made.id)
    assert began["status"] == "FAILED"
    assert began["finished_at"]
    assert (batch["status"], batch["finished_at"], row["finished_at"]) == ("QUEUED", None, None)
    assert batch["started_at"] == began["started_at"]


async def test_a_batch_is_not_finished_while_a_save_is_due(started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.SAVING, unsaved())
    batch, _ = await rows(made.id)
    assert (batch["status"], batch["unsaved"], batch["saved"], batch["finished_at"]) == (
        "RUNNING",
        1,
        0,
        None,
    )


@pytest.mark.parametrize(("outcome", "kept"), [(saved(), 1), (unsaved(retry=False), 0)])
async def test_a_save_that_worked_or_was_given_up_finishes_the_batch(outcome, kept, started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.SAVING, unsaved(), unsaved(), outcome)
    batch, (row,) = await rows(made.id)
    assert (batch["status"], batch["unsaved"], batch["saved"]) == ("SUCCEEDED", 0, kept)
    assert batch["finished_at"]
    assert batch["seq"] == row["seq"] == 1 + 5


@pytest.mark.parametrize("late", [saved(), unsaved(), unsaved(retry=False), save_due()])
async def test_what_is_saved_stays_saved_whatever_comes_late(late, started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.SAVING, saved())
    was = await rows(made.id)
    assert await change(made.generations[0], late) is None
    assert await rows(made.id) == was


async def test_a_save_given_up_is_not_due_again_but_may_still_have_worked(started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.SAVING, unsaved(retry=False))
    assert await change(made.generations[0], unsaved()) is None
    assert await change(made.generations[0], saved())
    assert (await rows(made.id))[0]["saved"] == 1


async def test_a_save_given_up_that_is_asked_for_again_is_due_and_opens_the_batch(started, change, rows):
    made = await started()
    await change(made.generations[0], S.RUNNING, S.SAVING, unsaved(retry=False))
    before, _ = await rows(made.id)
    await change(made.generations[0], save_due())
    batch, (row,) = await rows(made.id)
    assert (before["status"], batch["status"], batch["unsaved"]) == ("SUCCEEDED", "RUNNING", 1)
    assert (batch["finished_at"], row["error_code"], row["saves"]) == (None, None, 1)
    assert batch["seq"] == row["seq"] == before["seq"] + 1


async def test_a_single_generation_has_no_counters_and_its_owners_topic(
    database, ada, new_generation, change
):
    async with database.session(ada) as session:
        single = await new_generation(session)
    changed = await change(single, S.RUNNING, S.SAVING, S.SUCCEEDED)
    assert changed.topics == {ada.user_id}
    async with database.session(ada) as session:
        row = await session.connection.fetchrow("select * from generations where id = $1", single)
    assert (row["status"], row["saved"], row["seq"]) == ("SUCCEEDED", True, 0)
    assert row["finished_at"]


@pytest.mark.parametrize(
    ("ends", "canceling", "status"),
    [
        ([S.SUCCEEDED, S.SUCCEEDED], False, BatchStatus.SUCCEEDED),
        ([S.SUCCEEDED, S.SUCCEEDED], True, BatchStatus.SUCCEEDED),
        ([S.SUCCEEDED, S.FAILED], False, BatchStatus.PARTIALLY_SUCCEEDED),
        ([S.SUCCEEDED, S.CANCELED], False, BatchStatus.PARTIALLY_SUCCEEDED),
        ([S.SUCCEEDED, S.CANCELED], True, BatchStatus.CANCELED),
        ([S.CANCELED, S.CANCELED], False, BatchStatus.CANCELED),
        ([S.FAILED, S.CANCELED], False, BatchStatus.FAILED),
        ([S.FAILED, S.FAILED], True, BatchStatus.FAILED),
        ([S.FAILED, S.QUEUED], False, BatchStatus.RUNNING),
        ([S.QUEUED, S.THROTTLED], False, BatchStatus.QUEUED),
        ([S.RUNNING, S.QUEUED], False, BatchStatus.RUNNING),
        ([S.RUNNING, S.CANCELED], True, BatchStatus.CANCELING),
    ],
)
async def test_the_status_of_a_batch_follows_from_its_counters(
    ends, canceling, status, started, change, rows, database
):
    made = await started(2)
    for generation_id, end in zip(made.generations, ends, strict=True):
        await change(generation_id, *WAY_TO[end])
    async with database.worker_session() as session:
        await session.connection.execute(
            "update batches set canceling = $2 where id = $1", made.id, canceling
        )
    batch, _ = await rows(made.id)
    assert batch["status"] == status.value
    assert status.finished == (batch["finished_at"] is not None)


@pytest.mark.parametrize(("canceling", "status"), [(False, "PAUSED"), (True, "CANCELING")])
async def test_a_paused_batch_says_so_until_it_is_done(canceling, status, started, change, rows, database):
    made = await started()
    async with database.worker_session() as session:
        await session.connection.execute(
            "update batches set paused = true, canceling = $2 where id = $1", made.id, canceling
        )
    assert (await rows(made.id))[0]["status"] == status
    await change(made.generations[0], *WAY_TO[S.SUCCEEDED])
    assert (await rows(made.id))[0]["status"] == "SUCCEEDED"


OUTCOMES = [saved, unsaved, lambda: unsaved(retry=False), save_due]


@pytest.mark.parametrize("seed", range(5))
async def test_counters_equal_the_rows_all_along_a_random_walk(seed, started, rows, database):
    """Two steps in three are ones that may follow; the fence has to hold against the rest."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    made = await started(5)
    changes = 0
    for _ in range(100):
        generation_id = dice.choice(made.generations)
        batch, generations = await rows(made.id)
        before = next(S(row["status"]) for row in generations if row["id"] == generation_id)
        status = dice.choice([*S] if dice.random() < 1 / 3 else sorted(NEXT[before], key=str))
        wanted = dice.choice(OUTCOMES)() if status is S.SUCCEEDED else Change(status=status)
        async with database.worker_session() as session:
            changes += await apply_change(session, generation_id, wanted) is not None
        batch, generations = await rows(made.id)
        assert {name: batch[name] for name in COUNTERS} == counted(generations)
        assert batch["seq"] == 5 + changes == max(row["seq"] for row in generations)
        assert (batch["finished_at"] is not None) == BatchStatus(batch["status"]).finished
    assert changes > 30


async def test_whoever_follows_the_cursor_misses_no_change_of_many_at_once(
    started, change, rows, database, ada
):
    """Eight workers change sixteen generations: commit order is cursor order, without gaps."""
    made = await started(16)
    seen: list[int] = []

    async def work(worker: int) -> None:
        for generation_id in made.generations[worker::8]:
            await change(generation_id, S.RUNNING, S.RUNNING, S.SAVING, S.SUCCEEDED)

    async def follow() -> None:
        last = 16
        while last < 16 * 5:
            async with database.session(ada) as session:
                *moved, alone = await session.read(*changes("cursor", made.id, last, 100))
            seen.extend(row["seq"] for row in moved)
            assert not seen or seen[-1] <= alone["head"]
            last = alone["head"]

    await asyncio.gather(follow(), *(work(worker) for worker in range(8)))
    batch, generations = await rows(made.id)
    assert (batch["seq"], batch["status"], batch["saved"]) == (80, "SUCCEEDED", 16)
    assert seen == sorted(set(seen))
    assert {row["seq"] for row in generations} <= set(seen)


async def test_several_change_at_once_in_the_batchs_own_order(database, started, rows):
    made = await started(4)
    async with database.worker_session() as session:
        changed = await apply_change(session, made.generations[::-1], Change(status=S.CANCELED))
    batch, generations = await rows(made.id)
    assert set(changed.ids) == set(made.generations)
    assert [row["seq"] for row in generations] == [5, 6, 7, 8]
    assert (batch["seq"], batch["canceled"], batch["status"]) == (8, 4, "CANCELED")


async def test_of_several_only_those_change_that_may(database, started, change, rows):
    made = await started(3)
    await change(made.generations[1], *WAY_TO[S.SUCCEEDED])
    async with database.worker_session() as session:
        changed = await apply_change(session, made.generations, Change(status=S.CANCELED))
    batch, generations = await rows(made.id)
    assert set(changed.ids) == {made.generations[0], made.generations[2]}
    assert [row["seq"] for row in generations] == [7, 6, 8]
    assert {name: batch[name] for name in COUNTERS} == counted(generations)


async def test_workers_and_a_cancellation_of_everything_count_right_together(database, started, change, rows):
    made = await started(12)

    async def cancel() -> None:
        async with database.worker_session() as session:
            await apply_change(session, made.generations, Change(status=S.CANCELED))

    work = [change(each, S.RUNNING, S.SAVING, S.SUCCEEDED) for each in made.generations]
    await asyncio.gather(*work[:6], cancel(), *work[6:])
    batch, generations = await rows(made.id)
    assert {name: batch[name] for name in COUNTERS} == counted(generations)
    assert len({row["seq"] for row in generations}) == 12
    assert batch["seq"] == max(row["seq"] for row in generations)
    assert batch["finished_at"]


async def test_changes_that_wait_for_another_do_not_wait_for_each_other(database, started, change, rows):
    made = await started(3)
    async with database.worker_session() as saving:
        # As the foreign key of an image that is being saved does, all the while.
        await saving.connection.execute(f"select from batches where id = '{made.id}' for key share")
        async with database.worker_session() as first:
            await apply_change(first, made.generations[0], Change(status=S.RUNNING))
            others = [asyncio.create_task(change(each, S.RUNNING)) for each in made.generations[1:]]
            async with asyncio.timeout(10):
                while await first.connection.fetchval("select count(*) from pg_locks where not granted") < 2:
                    await asyncio.sleep(0.01)
        await asyncio.gather(*others)
    assert (await rows(made.id))[0]["running"] == 3


async def test_the_same_change_from_many_workers_happens_once(started, change, rows):
    made = await started()
    results = await asyncio.gather(*(change(made.generations[0], S.FAILED) for _ in range(8)))
    assert sum(each is not None for each in results) == 1
    batch, _ = await rows(made.id)
    assert (batch["failed"], batch["seq"]) == (1, 2)
