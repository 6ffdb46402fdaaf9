"""A reference on the web is fetched once for a batch, checked, and kept for all that comes after."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from types import SimpleNamespace
from uuid import UUID

import pytest

from db.generations import generation_columns
from db.jobs import Job
from engine.plan import PlannedPrompt
from engine.seams import ProviderError, StorageError
from engine.words import GenerationErrorCode
from tests.hostile.addresses import INSIDE
from tests.hostile.pictures import REFUSED
from worker.children import Children
from worker.fakes import MemoryStorage
from worker.fetching import Fetcher, FetchError, resolve
from worker.making import submit
from worker.references import KeptReferences, with_kept_reference
from worker.work import Later, Task
from worker.workshop import load_work

ADDRESS = "https://pictures.example/me.png"


class Web:
    """One file that is there as long as it is; what was asked for is recorded."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data
        self.asked: list[str] = []

    async def fetch(self, address: str, *, limit: int) -> bytes:
        self.asked.append(address)
        await asyncio.sleep(0.02)
        if self.data is None:
            raise FetchError("The address does not answer.")
        return self.data


@pytest.fixture
def web(picture):
    return Web(picture)


@pytest.fixture
def shop(make_shop, web):
    return make_shop(fetcher=web)


@pytest.fixture
def seed_batch(database, ada):
    """A batch of so many with this reference; its id and its generations."""

    async def seed_batch(count=1, reference=ADDRESS):
        async with database.session(ada) as session:
            boats = generation_columns([PlannedPrompt("Boat", "a boat")])
            batch = await session.one(
                *("insert_batch", "Batch", None, "scripted", reference, {}, {}, [], count, None, boats, count)
            )
            rows = await session.rows("generations_to_repeat", batch["id"])
        return SimpleNamespace(id=batch["id"], generations=[row["id"] for row in rows])

    return seed_batch


@pytest.fixture
def seed_single(database, ada):
    async def seed_single(reference=ADDRESS):
        async with database.session(ada) as session:
            row = await session.one(
                "insert_generation", None, reference, "Boat", "Boat", "a boat", "scripted", {}, 1
            )
        return row["id"]

    return seed_single


@pytest.fixture
def value(database):
    async def value(query, *parameters):
        async with database.worker_session() as session:
            return await session.connection.fetchval(query, *parameters)

    return value


def job(generation_id: UUID, round_: int = 0) -> Task:
    return Task(kind=Job.SUBMIT, subject=f"{generation_id}:{round_}", turn=1)


async def made(shop, generation_id):
    """Its job comes again as long as it wants to."""
    while True:
        try:
            return await submit(shop, job(generation_id))
        except Later:
            await asyncio.sleep(0.01)


async def work_of(shop, generation_id):
    work = await load_work(shop, job(generation_id))
    assert work is not None
    return work


async def image_reference(database, ada, generation_id):
    async with database.session(ada) as session:
        return await session.connection.fetchval(
            "select reference_url from images where generation_id = $1", generation_id
        )


async def test_a_batch_fetches_its_reference_once(shop, web, seed_batch, picture, ada, database, value):
    batch = await seed_batch(100)

    await asyncio.gather(*(made(shop, each) for each in batch.generations))

    assert web.asked == [ADDRESS]
    key = await value("select reference_key from batches where id = $1", batch.id)
    assert key.startswith(f"{ada.user_id}/references/")
    assert key.endswith(".png")
    assert shop.storage.files[key] == picture
    assert await image_reference(database, ada, batch.generations[57]) == key


async def test_two_workers_fetch_it_once_between_them(make_shop, web, seed_batch):
    storage = MemoryStorage()
    shops = [make_shop(fetcher=web, storage=storage) for _ in range(2)]
    batch = await seed_batch(10)

    await asyncio.gather(*(made(shops[n % 2], each) for n, each in enumerate(batch.generations)))

    assert web.asked == [ADDRESS]


async def test_a_single_image_has_its_reference_kept(shop, seed_single, value, ada, database):
    generation = await seed_single()
    await made(shop, generation)
    key = await value("select reference_key from generations where id = $1", generation)
    assert key
    assert await image_reference(database, ada, generation) == key


async def test_a_retry_uses_the_copy_when_the_original_is_gone(shop, web, seed_batch, picture):
    first, second = (await seed_batch(2)).generations
    await made(shop, first)
    web.data = None

    work = await with_kept_reference(shop, await work_of(shop, second))

    assert work.run(1).reference_url == work.reference_key
    assert await KeptReferences(shop.storage).fetch(work.reference, limit=10**6) == picture
    assert len(web.asked) == 1


async def test_a_reference_in_storage_is_not_fetched(shop, web, seed_batch, ada):
    key = f"{ada.user_id}/references/a.png"
    batch = await seed_batch(reference=key)
    await made(shop, batch.generations[0])
    assert web.asked == []


async def test_what_cannot_be_had_is_told_the_whole_batch_by_one_fetch(shop, web, seed_batch):
    web.data = None
    batch = await seed_batch(20)
    works = [await work_of(shop, each) for each in batch.generations]

    answers = await asyncio.gather(
        *(with_kept_reference(shop, work) for work in works), return_exceptions=True
    )

    assert {answer.code for answer in answers} == {GenerationErrorCode.INVALID_INPUT}
    assert {str(answer) for answer in answers} == {
        "The reference image could not be fetched: The address does not answer."
    }
    assert len(web.asked) == 1


async def test_what_could_not_be_had_is_tried_again_later(shop, web, seed_batch, picture, value):
    web.data = None
    batch = await seed_batch()
    work = await work_of(shop, batch.generations[0])
    with pytest.raises(ProviderError):
        await with_kept_reference(shop, work)
    web.data = picture
    await value("update studio.kept_references set claimed_until = now() where topic_id = $1", batch.id)

    assert (await with_kept_reference(shop, work)).reference_key


async def test_one_that_a_killed_worker_was_fetching_is_fetched_by_the_next(
    shop, web, seed_batch, value, ada
):
    batch = await seed_batch()
    async with shop.database.worker_session() as session:
        assert await session.value("claim_reference", ada.user_id, batch.id, 45.0)
    work = await work_of(shop, batch.generations[0])

    with pytest.raises(Later):
        await with_kept_reference(shop, work)
    await value("update studio.kept_references set claimed_until = now() where topic_id = $1", batch.id)

    assert (await with_kept_reference(shop, work)).reference_key
    assert web.asked == [ADDRESS]


async def test_storage_that_is_out_of_order_costs_time_alone(shop, seed_batch, value):
    batch = await seed_batch()
    shop.storage.broken = True
    with pytest.raises(StorageError):
        await with_kept_reference(shop, await work_of(shop, batch.generations[0]))
    assert await value("select reference_key from batches where id = $1", batch.id) is None


async def test_what_is_no_plain_picture_is_not_kept(make_shop, seed_single):
    async with Children(1) as children:
        for name, data in REFUSED.items():
            shop = make_shop(fetcher=Web(data), children=children)
            work = await work_of(shop, await seed_single())
            with pytest.raises(ProviderError, match="could not be fetched") as refused:
                await with_kept_reference(shop, work)
            assert refused.value.code is GenerationErrorCode.INVALID_INPUT, name
            assert shop.storage.files == {}, name


async def test_no_spelling_leads_a_worker_inside(make_shop, database, seed_single):
    """Whatever was written into the row: directly, and by a name that leads there."""
    reached = []

    class Network:
        async def connect_tcp(self, host, port, *_, **__):
            reached.append(host)
            raise OSError

    async def inward(host, port):
        return [ip_address("169.254.169.254")] if host == "evil.example" else await resolve(host, port)

    fetcher = Fetcher(loopback=False, resolve=inward, network=Network())
    shop = make_shop(fetcher=fetcher)
    for address in ["https://evil.example/", *(f"https://{host}/" for host in INSIDE if host.isascii())]:
        generation = await seed_single(address)
        with suppress(ProviderError):
            await with_kept_reference(shop, await work_of(shop, generation))
            pytest.fail(address)
    assert set(reached) <= {"93.184.215.14"}
    assert shop.storage.files == {}
