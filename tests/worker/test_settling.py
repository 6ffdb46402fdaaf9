"""A call whose answer was lost is settled before anything is asked for again."""

from datetime import timedelta
from uuid import UUID

import pytest

from db.attempts import close_call, record_prediction
from db.changes import Change, apply_change
from db.jobs import Job, subject_of
from engine.seams import HeldBackError, NotTakenError, ProviderError, UnknownError
from engine.words import GenerationErrorCode, GenerationStatus
from worker.feeding import feed_user, readopt
from worker.making import collect, submit
from worker.work import Later, Task


def job(kind: Job, generation_id: UUID, round_: int = 1) -> Task:
    return Task(kind=kind, subject=subject_of(generation_id, round_), turn=1)


@pytest.fixture
def admitted(shop, seed, ada):
    """One generation that the queue has taken in."""

    async def admit():
        [generation_id] = await seed()
        await feed_user(shop, Task(kind=Job.FEED, subject=str(ada.user_id), turn=0))
        return generation_id

    return admit


@pytest.fixture
def row_of(database):
    async def read(generation_id):
        async with database.worker_session() as session:
            return await session.connection.fetchrow("select * from generations where id = $1", generation_id)

    return read


@pytest.fixture
def make_older(database):
    """Moves a generation's calls into the past."""

    async def age(generation_id, seconds):
        async with database.worker_session() as session:
            await session.connection.execute(
                "update studio.attempts set created_at = created_at - $2::interval where generation_id = $1",
                generation_id,
                timedelta(seconds=seconds),
            )

    return age


@pytest.fixture
def queued_jobs(database):
    async def read():
        async with database.worker_session() as session:
            rows = await session.connection.fetch("select dedupe_key from pgq.pgqueuer order by id")
        return [row["dedupe_key"] for row in rows]

    return read


async def test_a_run_is_made_kept_and_saved(shop, admitted, row_of, provider):
    generation_id = await admitted()
    await submit(shop, job(Job.SUBMIT, generation_id))
    row = await row_of(generation_id)
    assert (row["status"], row["saved"], row["attempts"]) == ("SUCCEEDED", True, 1)
    assert list(shop.storage.files) == row["outputs"]


async def test_a_submit_that_runs_twice_asks_once(shop, admitted, provider):
    generation_id = await admitted()
    for _ in range(2):
        await submit(shop, job(Job.SUBMIT, generation_id))
    assert len(provider.calls) == 1


async def test_a_lost_answer_is_found_in_the_list_and_adopted(shop, admitted, row_of, provider):
    provider.rated = True
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    assert (await row_of(generation_id))["status"] == "RUNNING"

    await collect(shop, job(Job.COLLECT, generation_id))

    assert (await row_of(generation_id))["status"] == "SUCCEEDED"
    assert len(provider.calls) == 1


async def test_a_submit_after_a_crash_settles_instead_of_asking(shop, admitted, provider, queued_jobs):
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    await submit(shop, job(Job.SUBMIT, generation_id))
    assert len(provider.calls) == 1
    assert f"collect:{generation_id}:1" in await queued_jobs()


async def test_absence_is_proved_by_a_readable_list_after_a_while(
    shop, admitted, row_of, provider, make_older, queued_jobs
):
    provider.rated = True
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    provider.runs.clear()

    with pytest.raises(Later):
        await collect(shop, job(Job.COLLECT, generation_id))
    assert (await row_of(generation_id))["status"] == "RUNNING"
    await make_older(generation_id, 61)
    await collect(shop, job(Job.COLLECT, generation_id))

    assert (await row_of(generation_id))["status"] == "THROTTLED"
    assert f"submit_rated:{generation_id}:1" in await queued_jobs()
    provider.script = lambda _: None
    await submit(shop, job(Job.SUBMIT_RATED, generation_id))
    assert (await row_of(generation_id))["status"] == "SUCCEEDED"
    assert len(provider.calls) == 2


async def test_a_list_that_cannot_be_read_ends_unconfirmed_and_asks_no_more(
    shop, admitted, row_of, provider, make_older
):
    provider.rated = True
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    provider.list_error = ProviderError(GenerationErrorCode.PROVIDER_UNAVAILABLE, "away")
    await submit(shop, job(Job.SUBMIT, generation_id))
    with pytest.raises(Later):
        await collect(shop, job(Job.COLLECT, generation_id))

    await make_older(generation_id, 601)
    await collect(shop, job(Job.COLLECT, generation_id))

    row = await row_of(generation_id)
    assert (row["status"], row["error_code"]) == ("FAILED", "UNCONFIRMED")
    assert len(provider.calls) == 1


async def test_a_webhook_that_comes_after_its_call_was_given_up_is_heeded(
    shop, admitted, row_of, database, provider
):
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    [run] = provider.runs
    async with database.worker_session() as session:
        assert await close_call(session, run.id, "absent")
        await apply_change(session, generation_id, Change(status=GenerationStatus.THROTTLED))
        assert await record_prediction(session, run.id, str(run.id))

    await submit(shop, job(Job.SUBMIT, generation_id))

    assert (await row_of(generation_id))["saved"]
    assert len(provider.calls) == 1


async def test_a_run_told_right_before_the_next_call_is_not_asked_for_again(
    shop, admitted, row_of, database, provider
):
    generation_id = await admitted()
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    [run] = provider.runs
    async with database.worker_session() as session:
        assert await close_call(session, run.id, "absent")

    async def told_meanwhile(_):
        async with database.worker_session() as session:
            assert await record_prediction(session, run.id, str(run.id))
        return {}

    provider.prepare = told_meanwhile
    await submit(shop, job(Job.SUBMIT, generation_id))
    await collect(shop, job(Job.COLLECT, generation_id))

    assert (await row_of(generation_id))["saved"]
    assert len(provider.calls) == 1


async def test_a_run_told_while_it_was_looked_for_is_not_asked_for_again(
    shop, admitted, row_of, make_older, database, provider
):
    generation_id = await admitted()
    provider.rated = True
    provider.script = lambda _: UnknownError()
    await submit(shop, job(Job.SUBMIT, generation_id))
    await make_older(generation_id, 120)
    [run] = provider.runs

    async def told_meanwhile(call, known):
        async with database.worker_session() as session:
            await record_prediction(session, run.id, str(run.id))

    provider.find = told_meanwhile
    with pytest.raises(Later):
        await collect(shop, job(Job.COLLECT, generation_id))
    await collect(shop, job(Job.COLLECT, generation_id))

    assert (await row_of(generation_id))["saved"]
    assert len(provider.calls) == 1


async def test_a_call_that_surely_never_arrived_is_made_again_five_times(shop, admitted, row_of, provider):
    generation_id = await admitted()
    provider.script = lambda _: NotTakenError(
        GenerationErrorCode.PROVIDER_UNAVAILABLE, "No connection.", retryable=True
    )
    for _ in range(4):
        with pytest.raises(Later):
            await submit(shop, job(Job.SUBMIT, generation_id))
    assert (await row_of(generation_id))["status"] == "THROTTLED"
    await submit(shop, job(Job.SUBMIT, generation_id))
    row = await row_of(generation_id)
    assert (row["status"], row["error_code"]) == ("FAILED", "PROVIDER_UNAVAILABLE")
    assert len(provider.calls) == 5


async def test_being_held_back_fails_nothing_and_tells_when(shop, admitted, row_of, provider):
    generation_id = await admitted()
    provider.script = lambda _: HeldBackError(7, for_all=True)
    for _ in range(8):
        with pytest.raises(Later) as later:
            await submit(shop, job(Job.SUBMIT, generation_id))
    row = await row_of(generation_id)
    assert later.value.seconds == 7
    assert (row["status"], row["error_code"]) == ("THROTTLED", "THROTTLED")
    assert row["retry_at"]


async def test_a_refused_input_ends_the_image_at_once(shop, admitted, row_of, provider):
    generation_id = await admitted()
    provider.script = lambda _: NotTakenError(GenerationErrorCode.INVALID_INPUT, "No such size.")
    await submit(shop, job(Job.SUBMIT, generation_id))
    assert (await row_of(generation_id))["error_code"] == "INVALID_INPUT"


async def test_a_job_of_an_earlier_round_changes_nothing(shop, admitted, row_of, provider):
    generation_id = await admitted()
    await submit(shop, job(Job.SUBMIT, generation_id, round_=0))
    assert (await row_of(generation_id))["status"] == "QUEUED"
    assert not provider.calls


async def test_a_process_that_slept_between_intent_and_call_does_not_call(
    make_shop, admitted, row_of, provider
):
    shop = make_shop(settle_seconds=0)
    generation_id = await admitted()
    with pytest.raises(Later):
        await submit(shop, job(Job.SUBMIT, generation_id))
    assert not provider.calls
    assert (await row_of(generation_id))["status"] == "THROTTLED"


async def test_storage_that_is_away_costs_time_alone(shop, admitted, row_of, provider):
    generation_id = await admitted()
    shop.storage.broken = True
    with pytest.raises(Later):
        await submit(shop, job(Job.SUBMIT, generation_id))
    assert (await row_of(generation_id))["status"] == "SAVING"

    shop.storage.broken = False
    await submit(shop, job(Job.SUBMIT, generation_id))

    assert (await row_of(generation_id))["saved"]
    assert len(provider.calls) == 1


async def test_an_image_whose_job_never_comes_back_is_given_up(shop, admitted, row_of, database, provider):
    generation_id = await admitted()
    shop.storage.broken = True
    with pytest.raises(Later):
        await submit(shop, job(Job.SUBMIT, generation_id))
    async with database.worker_session() as session:
        await session.connection.execute("update generations set faults = 5 where id = $1", generation_id)
    await collect(shop, job(Job.COLLECT, generation_id))
    assert (await row_of(generation_id))["error_code"] == "INTERNAL"


async def test_what_has_no_job_is_given_one(shop, admitted, queued_jobs, database):
    generation_id = await admitted()
    async with database.worker_session() as session:
        await session.connection.execute("delete from pgq.pgqueuer")
    assert await readopt(shop) == 1
    assert await queued_jobs() == [f"submit:{generation_id}:1"]
    assert await readopt(shop) == 0


async def test_only_so_much_of_a_user_is_in_the_queue_at_once(make_shop, seed, ada, queued_jobs):
    shop = make_shop(max_running=3)
    ids = await seed(5)
    feeding = Task(kind=Job.FEED, subject=str(ada.user_id), turn=0)
    with pytest.raises(Later):
        await feed_user(shop, feeding)
    assert await queued_jobs() == [f"submit:{each}:1" for each in ids[:3]]

    await submit(shop, job(Job.SUBMIT, ids[0]))
    with pytest.raises(Later):
        await feed_user(shop, feeding)

    assert f"submit:{ids[3]}:1" in await queued_jobs()
