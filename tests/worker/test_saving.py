"""A save that was given up is tried again when its owner asks for it; nothing is made again."""

import pytest

from db.jobs import Job, subject_of
from engine.words import GenerationErrorCode
from resolvers.context import Context, Services
from resolvers.control import retry_batch, retry_generation
from worker.feeding import feed_user
from worker.making import submit
from worker.saving import save_again
from worker.work import Task

REFUSE = """
    create function public.refuse() returns trigger language plpgsql
    as $$ begin raise exception 'cursed'; end $$;
    create trigger refuse before insert on images for each row execute function public.refuse()
"""
RELENT = "drop trigger refuse on images"
GENERATION = "select * from generations where id = $1"
BATCH = "select * from batches where id = (select batch_id from generations where id = $1)"


@pytest.fixture
def shop(make_shop):
    """One that gives a save up after its first try."""
    return make_shop(save_delays=())


@pytest.fixture
def owner_of_rows(database, shop, ada):
    """The context of who asks for the retry."""
    services = Services(
        database=database,
        hints=shop.hints,
        signer=list,
        uploads=None,
        providers=[],
        default_model="scripted",
        max_batch=100,
        max_queued=20_000,
        max_running=100,
        loopback_references=False,
    )
    return Context(ada, services)


@pytest.fixture
def look(database):
    """A generation and its batch."""

    async def read(generation_id):
        async with database.worker_session() as session:
            fetch = session.connection.fetchrow
            return await fetch(GENERATION, generation_id), await fetch(BATCH, generation_id)

    return read


@pytest.fixture
async def given_up(shop, seed, ada, owner):
    """A generation that was made and could not be saved; now it could be."""
    await owner.execute(REFUSE)
    [generation_id] = await seed()
    await feed_user(shop, Task(kind=Job.FEED, subject=str(ada.user_id), turn=0))
    await submit(shop, job(Job.SUBMIT, generation_id))
    await owner.execute(RELENT)
    return generation_id


def job(kind, generation_id):
    return Task(kind=kind, subject=subject_of(generation_id, 1), turn=1)


async def by_generation(context, generation):
    return await retry_generation(context, generation["id"])


async def by_batch(context, generation):
    return await retry_batch(context, generation["batch_id"], None)


async def by_code(context, generation):
    return await retry_batch(context, generation["batch_id"], [GenerationErrorCode.SAVE_FAILED])


@pytest.mark.parametrize("retry", [by_generation, by_batch, by_code])
async def test_a_save_given_up_is_tried_again(retry, shop, given_up, owner_of_rows, look, provider, database):
    generation, batch = await look(given_up)
    assert (generation["error_code"], generation["retry_at"], batch["status"]) == (
        "SAVE_FAILED",
        None,
        "SUCCEEDED",
    )

    assert await retry(owner_of_rows, generation) == []

    due, opened = await look(given_up)
    assert (due["status"], due["saved"], opened["status"]) == ("SUCCEEDED", False, "RUNNING")
    async with database.worker_session() as session:
        jobs = await session.connection.fetch("select dedupe_key from pgq.pgqueuer where entrypoint = 'save'")
    assert [row["dedupe_key"] for row in jobs] == [f"save:{given_up}:1"]

    await save_again(shop, job(Job.SAVE, given_up))

    saved, finished = await look(given_up)
    assert (saved["saved"], saved["error_code"], saved["attempts"]) == (True, None, 1)
    assert (finished["status"], finished["saved"], finished["unsaved"]) == ("SUCCEEDED", 1, 0)
    assert generation["seq"] < due["seq"] < saved["seq"] == finished["seq"]
    assert finished["finished_at"]
    assert len(provider.calls) == 1


async def test_a_save_is_left_alone_by_a_retry_of_other_failures(given_up, owner_of_rows, look):
    generation, _ = await look(given_up)
    refusals = await retry_batch(owner_of_rows, generation["batch_id"], [GenerationErrorCode.MODEL_FAILED])
    assert refusals[0].message == "There is nothing in this batch to be retried."


async def test_a_save_that_is_due_already_is_not_asked_for_twice(given_up, owner_of_rows, look):
    generation, _ = await look(given_up)
    await by_generation(owner_of_rows, generation)
    [refusal] = await by_generation(owner_of_rows, generation)
    assert refusal.code.value == "CONFLICT"


@pytest.mark.parametrize("images_kept", [False, True])
async def test_what_is_saved_into_a_batch_in_the_trash_is_where_its_images_are(
    images_kept, shop, seed, ada, database, look
):
    [generation_id] = await seed()
    await feed_user(shop, Task(kind=Job.FEED, subject=str(ada.user_id), turn=0))
    generation, _ = await look(generation_id)
    async with database.session(ada) as session:
        await session.rows("delete_batch", generation["batch_id"], images_kept)

    await submit(shop, job(Job.SUBMIT, generation_id))

    saved, batch = await look(generation_id)
    assert (saved["saved"], batch["saved"]) == (True, 1)
    async with database.session(ada) as session:
        deleted_at = await session.connection.fetchval("select deleted_at from images")
    assert deleted_at == (None if images_kept else batch["deleted_at"])
