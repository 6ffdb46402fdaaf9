"""Jobs come into the queue with the caller's transaction, once for each subject, each in its turn."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import chain
from uuid import UUID, uuid4

import asyncpg
import pytest
from pgqueuer.ports.repository import EntrypointExecutionParameter

from db.jobs import FEED_TURN, THUMBNAIL_TURN, Due, Job, enqueue, enqueue_each, queue_queries, take_turns


@pytest.fixture
def queued(database) -> Callable[[], Awaitable[list[str]]]:
    """The subjects of the jobs, in the order in which they will be served."""

    async def look() -> list[str]:
        async with database.worker_session() as session:
            rows = await session.connection.fetch(
                "select payload from pgq.pgqueuer order by priority desc, id"
            )
        return [row["payload"].decode() for row in rows]

    return look


@pytest.fixture
def order(database) -> Callable[[UUID, int], Awaitable[int]]:
    """Puts so many images of a user into the queue, as expanding a batch does; returns the first turn."""

    async def put(user_id: UUID, count: int) -> int:
        async with database.worker_session() as session:
            first = await take_turns(session, user_id, count)
            jobs = [Due(f"{user_id}/{n}", first + n) for n in range(count)]
            await enqueue_each(session, Job.SUBMIT, jobs)
        return first

    return put


@pytest.fixture
def serve(database) -> Callable[[int], Awaitable[list[str]]]:
    """Takes so many jobs out of the queue, as PgQueuer does, and is done with them."""

    async def take(count: int) -> list[str]:
        async with database.connections.borrowed() as connection, connection.transaction():
            await connection.execute("set local role studio_worker")
            queries = queue_queries(connection)
            jobs = await queries.dequeue(
                batch_size=count,
                entrypoints={Job.SUBMIT.value: EntrypointExecutionParameter(concurrency_limit=0)},
                queue_manager_id=uuid4(),
                global_concurrency_limit=None,
                heartbeat_timeout=timedelta(seconds=30),
            )
            await queries.log_jobs([(job, "successful", None) for job in jobs])
        return [job.payload.decode() for job in jobs]

    return take


async def test_a_job_comes_with_its_transaction(database, ada, new_generation, queued):
    async with database.session(ada) as session:
        generation_id = await new_generation(session)
        await session.become_worker()
        await enqueue(session, Job.SUBMIT, str(generation_id), turn=1)
    assert await queued() == [str(generation_id)]


async def test_a_job_goes_with_its_transaction(database, ada, new_generation, queued):
    async def fail() -> None:
        async with database.session(ada) as session:
            await new_generation(session)
            await session.become_worker()
            await enqueue(session, Job.SUBMIT, "x", turn=1)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await queued() == []
    async with database.session(ada) as session:
        assert await session.connection.fetchval("select count(*) from generations") == 0


async def test_a_viewers_session_cannot_enqueue(database, ada):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.session(ada) as session:
            await enqueue(session, Job.SUBMIT, "x", turn=1)


async def test_a_subject_waits_once(database, queued):
    async with database.worker_session() as session:
        await enqueue(session, Job.SUBMIT, "a", turn=1)
        await enqueue_each(session, Job.SUBMIT, [Due("a", 2), Due("b", 3), Due("b", 4)])
    assert await queued() == ["a", "b"]


async def test_a_subject_waits_once_for_each_kind_of_job(database, queued):
    async with database.worker_session() as session:
        for job in Job:
            await enqueue(session, job, "a", turn=1)
    assert await queued() == ["a"] * len(Job)


async def test_a_subject_may_come_again_once_its_job_is_done(order, serve, queued):
    ada = uuid4()
    await order(ada, 1)
    await serve(1)
    await order(ada, 1)
    assert await queued() == [f"{ada}/0"]


async def test_a_job_put_in_twice_at_once_is_one(database, queued):
    async def put() -> None:
        async with database.worker_session() as session:
            await enqueue(session, Job.FEED, "a", turn=FEED_TURN)

    await asyncio.gather(*(put() for _ in range(8)))
    assert await queued() == ["a"]


async def test_a_delay_is_from_now(database):
    async with database.worker_session() as session:
        await enqueue(session, Job.COLLECT, "a", turn=1, delay=90)
        wait = await session.connection.fetchval("select execute_after - now() from pgq.pgqueuer")
    assert wait == timedelta(seconds=90)


async def test_no_jobs_are_none(database, queued):
    async with database.worker_session() as session:
        await enqueue_each(session, Job.SUBMIT, [])
    assert await queued() == []


async def test_batches_are_expanded_first_and_thumbnails_made_last(database, queued, order):
    await order(UUID(int=1), 1)
    async with database.worker_session() as session:
        await enqueue(session, Job.THUMBNAIL, "thumbnail", turn=THUMBNAIL_TURN)
        await enqueue(session, Job.FEED, "expand", turn=FEED_TURN)
    assert await queued() == ["expand", f"{UUID(int=1)}/0", "thumbnail"]


async def test_turns_of_one_user_follow_each_other(order):
    ada = uuid4()
    assert [await order(ada, 3), await order(ada, 2), await order(ada, 1)] == [1, 4, 6]


async def test_two_users_take_turns(order, queued):
    ada, ben = uuid4(), uuid4()
    await order(ada, 3)
    await order(ben, 3)
    assert await queued() == list(chain(*((f"{ada}/{n}", f"{ben}/{n}") for n in range(3))))


async def test_three_images_do_not_wait_for_three_thousand(order, serve):
    ada, ben = uuid4(), uuid4()
    await order(ada, 3_000)
    assert await serve(10) == [f"{ada}/{n}" for n in range(10)]
    await order(ben, 3)
    next_ones = await serve(8)
    assert [subject for subject in next_ones if subject.startswith(str(ben))] == [
        f"{ben}/{n}" for n in range(3)
    ]


async def test_who_comes_later_is_not_owed_the_turns_before(order, serve):
    ada, ben = uuid4(), uuid4()
    await order(ada, 100)
    await serve(50)
    assert await order(ben, 1) == 51
    assert await order(ada, 1) == 101


async def test_who_comes_back_is_not_owed_the_turns_between(order, serve):
    ada, ben = uuid4(), uuid4()
    await order(ben, 1)
    await order(ada, 100)
    await serve(51)
    assert await order(ben, 1) == 51


async def test_who_waits_is_not_overtaken_for_ever(order, serve):
    """Newcomers come in front of the rest of a large order, not of its next image."""
    ada = uuid4()
    await order(ada, 10)
    served = []
    for _ in range(10):
        await order(uuid4(), 1)
        served += await serve(2)
    assert [subject for subject in served if subject.startswith(str(ada))] == [
        f"{ada}/{n}" for n in range(10)
    ]


async def test_a_job_held_back_keeps_no_place_at_the_front(database, order, serve):
    ada, ben = uuid4(), uuid4()
    await order(ada, 100)
    await serve(50)
    async with database.worker_session() as session:
        await enqueue(session, Job.SUBMIT, "held back", turn=1, delay=60)
    assert await order(ben, 1) == 51


async def test_a_queue_that_is_held_back_as_a_whole_stands_where_it_stood(database, order):
    async with database.worker_session() as session:
        await enqueue(session, Job.SUBMIT, "held back", turn=7, delay=60)
    assert await order(uuid4(), 1) == 7


async def test_an_empty_queue_goes_on_where_it_stood(order, serve):
    ada, ben = uuid4(), uuid4()
    await order(ada, 5)
    await serve(5)
    assert await order(ben, 1) == 6


async def test_turns_taken_at_once_are_never_the_same(database):
    ada = uuid4()

    async def take(count: int) -> range:
        async with database.worker_session() as session:
            first = await take_turns(session, ada, count)
        return range(first, first + count)

    taken = await asyncio.gather(*(take(1 + n % 5) for n in range(20)))
    assert sorted(chain(*taken)) == list(range(1, 61))


async def test_turns_not_used_are_given_back_with_the_transaction(database, order):
    ada = uuid4()

    async def fail() -> None:
        async with database.worker_session() as session:
            await take_turns(session, ada, 100)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await order(ada, 1) == 1
