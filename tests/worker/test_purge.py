"""What was deleted 30 days ago goes for good, with its files, wherever it is cut off; what is used stays."""

import asyncio
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import asyncpg
import pytest

from db.generations import generation_columns
from db.jobs import Job
from engine.plan import PlannedPrompt
from engine.seams import StorageError
from worker import purging
from worker.purging import drop_references, purge, purge_batch, purge_images, remove_files
from worker.queue import run_worker
from worker.work import Later, Task

LONG_AGO = "now() - interval '31 days'"
LATELY = "now() - interval '29 days'"


@pytest.fixture
def storage(shop):
    return shop.storage


class History:
    """Rows and files of one user, as workers and requests leave them."""

    def __init__(self, database, storage, owner):
        self.database, self.storage, self.owner = database, storage, owner

    async def batch(self, count=2, *, reference=None):
        """Its id; each of its images has a file and a thumbnail."""
        async with self.database.session(self.owner) as session:
            boats = generation_columns([PlannedPrompt("Boat", "a boat")])
            row = await session.one(
                *("insert_batch", "Batch", None, "scripted", reference, {}, {}, [], count, None, boats, count)
            )
            made = await session.rows("generations_to_repeat", row["id"])
            await session.rows(
                "insert_images",
                [self._image(each["id"], row["id"], n, reference) for n, each in enumerate(made)],
            )
        await self._outputs([each["id"] for each in made])
        return row["id"]

    async def single(self, reference=None):
        async with self.database.session(self.owner) as session:
            row = await session.one(
                "insert_generation", None, reference, "Boat", "Boat", "a boat", "scripted", {}, 1
            )
            await session.rows("insert_images", [self._image(row["id"], None, 0, reference)])
        await self._outputs([row["id"]])
        return row["id"]

    async def reference(self, *, days=0, kept=True):
        """An upload of so many days ago; its key."""
        key = f"{self.owner.user_id}/references/{uuid4()}.png"
        query = """
            insert into studio.kept_references (id, user_id, key, content_type, byte_size, kept_at, look_at)
            values (
                $1, $2, $3, 'image/png', 1, case when $4 then now() end, now() + make_interval(days => 1 - $5)
            )
        """
        id_ = key.rpartition("/")[2].removesuffix(".png")
        await self.worker(query, id_, self.owner.user_id, key, kept, days)
        if kept:
            self.storage.files[key] = b"reference"
        return key

    async def trash(self, table, where, *parameters, since=LONG_AGO):
        async with self.database.session(self.owner) as session:
            await session.connection.execute(
                f"update {table} set deleted_at = {since} where {where}", *parameters
            )

    async def owned(self, query, *parameters):
        async with self.database.session(self.owner) as session:
            return await session.connection.fetchval(query, *parameters)

    async def worker(self, query, *parameters):
        async with self.database.worker_session() as session:
            return await session.connection.fetchval(query, *parameters)

    def _image(self, generation, batch, place, reference):
        key = f"{self.owner.user_id}/{generation}/0.png"
        self.storage.files |= {key: b"picture", f"{key}.400.webp": b"copy"}
        return {
            "generation_id": generation,
            "output": 0,
            "batch_id": batch,
            "position": place,
            "name": "Boat",
            "prompt": "a boat",
            "url": key,
            "reference_url": reference,
            "model": "scripted",
            "parameters": {},
        }

    async def _outputs(self, generations):
        await self.worker(
            "update generations set status = 'SUCCEEDED', saved = true, "
            "outputs = array[user_id || '/' || id || '/0.png'] where id = any($1::uuid[])",
            generations,
        )


@pytest.fixture
def history(database, storage, ada):
    return History(database, storage, ada)


async def purged(shop):
    """Until nothing is left to be done."""
    while True:
        try:
            await purge(shop, Task(kind=Job.PURGE, subject="everybody", turn=1))
        except Later as later:
            if later.seconds == purging.PAUSE:
                return


async def test_a_batch_goes_with_its_images_and_files_and_nothing_else(shop, history, storage):
    kept = await history.batch()
    remaining = dict(storage.files)
    gone = await history.batch(3)
    await history.trash("batches", "id = $1", gone)
    await history.trash("images", "batch_id = $1", gone)

    await purged(shop)

    assert storage.files == remaining
    for table in ("batches", "generations", "images"):
        assert await history.owned(f"select count(*) from {table}") == (1 if table == "batches" else 2)
    assert await history.owned("select id from batches") == kept


async def test_what_was_deleted_lately_stays_and_can_be_restored(shop, history, storage):
    batch = await history.batch()
    await history.trash("batches", "id = $1", batch, since=LATELY)
    await history.trash("images", "batch_id = $1", batch, since=LATELY)

    await purged(shop)

    assert len(storage.files) == 4
    restore = "update batches set deleted_at = null where id = $1 returning id"
    assert await history.owned(restore, batch) == batch


async def test_images_that_were_kept_outlive_their_batch(shop, history, storage):
    batch = await history.batch(2)
    await history.trash("batches", "id = $1", batch)
    await history.trash("images", "batch_id = $1 and position = 1", batch, since=LATELY)

    await purged(shop)

    assert len(storage.files) == 4
    assert await history.owned("select count(*) from batches") == 0
    assert await history.owned("select count(*) from images where batch_id is null") == 2


async def test_a_batch_offers_an_image_no_more_once_that_is_purged(shop, history):
    batch = await history.batch(2)
    await history.trash("images", "batch_id = $1 and position = 0", batch)

    await purged(shop)

    first, second = await history.owned(
        "select array_agg(studio.signed_address(outputs[1], '{http://studio/,?,00,00}') order by position) "
        "from generations where batch_id = $1",
        batch,
    )
    assert first is None
    assert second.startswith("http://studio/")


async def test_a_single_generation_goes_with_its_last_image(shop, history, storage):
    generation = await history.single()
    await history.single()
    await history.trash("images", "generation_id = $1", generation)

    await purged(shop)

    assert await history.owned("select count(*) from generations") == 1
    assert len(storage.files) == 2


async def test_files_that_were_never_saved_go_with_their_batch(shop, history, storage):
    batch = await history.batch(1)
    await history.trash("images", "batch_id = $1", batch)
    key = f"{history.owner.user_id}/unsaved/0.png"
    storage.files[key] = b"never in the history"
    await history.worker(
        "update generations set outputs = outputs || $2::text where batch_id = $1", batch, key
    )
    await history.trash("batches", "id = $1", batch)

    await purged(shop)

    assert storage.files == {}


async def test_a_large_batch_goes_bit_by_bit_and_cannot_be_restored_half(shop, history):
    batch = await history.batch(purging.CHUNK + 3)
    await history.trash("batches", "id = $1", batch)

    assert await purge_batch(shop)

    assert await history.owned("select count(*) from generations where batch_id = $1", batch) == 3
    restore = "update batches set deleted_at = null where id = $1 returning id"
    assert await history.owned(restore, batch) is None
    await purged(shop)
    assert await history.owned("select count(*) from batches") == 0


async def test_an_image_that_is_restored_in_the_same_moment_stays(shop, history, urls, storage):
    generation = await history.single()
    await history.trash("images", "generation_id = $1", generation)
    restoring = await asyncpg.connect(urls.login)
    try:
        await restoring.execute("begin; set local role authenticated")
        await restoring.execute(
            f"select set_config('request.jwt.claims', '{{\"sub\": \"{history.owner.user_id}\"}}', true)"
        )
        await restoring.execute("update images set deleted_at = null")
        purging_now = asyncio.create_task(purge_images(shop))
        await waiting(history)
        await restoring.execute("commit")
        await purging_now
    finally:
        await restoring.close()
    await purged(shop)

    assert await history.owned("select count(*) from images") == 1
    assert len(storage.files) == 2


async def waiting(history):
    """Until a backend waits for another's lock."""
    async with asyncio.timeout(10):
        while not await history.worker("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0.01)


async def test_nothing_dangles_and_nothing_leaks_wherever_it_is_cut_off(shop, history, storage):
    """After each step alone, whatever a row still names is there; in the end nothing is left."""
    reference = await history.reference(days=2)
    batch = await history.batch(3, reference=reference)
    await history.trash("batches", "id = $1", batch)
    await history.trash("images", "batch_id = $1", batch)

    for step in (purge_images, drop_references, purge_batch, remove_files, purge_batch) * 3:
        storage.broken = True
        with suppress(StorageError):
            await step(shop)
        storage.broken = False
        await step(shop)
        named = await history.owned(
            "select array(select url from images union select unnest(outputs) from generations "
            "union select reference_url from batches) "
        )
        assert {key for key in named if key} <= set(storage.files)

    await purged(shop)
    assert storage.files == {}


async def test_what_is_doomed_is_removed_once_more_when_its_addresses_are_over(shop, history, storage):
    """A thumbnail may be asked for, and made, until then."""
    generation = await history.single()
    await history.trash("images", "generation_id = $1", generation)
    await purged(shop)
    late = f"{history.owner.user_id}/{generation}/0.png.200.webp"
    storage.files[late] = b"made meanwhile"

    await purged(shop)
    assert late in storage.files
    await history.worker(
        "update studio.doomed_files set created_at = now() - interval '4 hours', due_at = now()"
    )
    await purged(shop)

    assert storage.files == {}
    assert await history.worker("select count(*) from studio.doomed_files") == 0


async def test_an_upload_that_is_not_used_goes_after_a_day(shop, history, storage):
    fresh, old = await history.reference(), await history.reference(days=2)
    never_sent = await history.reference(days=2, kept=False)
    draft = never_sent.replace("references", "uploads")
    storage.files[draft] = b"sent past us"

    await purged(shop)

    assert list(storage.files) == [fresh]
    assert await history.worker("select array_agg(key) from studio.kept_references") == [fresh]
    assert old != fresh


@pytest.mark.parametrize("user", ["batch", "single", "image"])
async def test_a_reference_stays_as_long_as_anything_uses_it(user, shop, history, storage):
    reference = await history.reference(days=2)
    if user == "single":
        await history.single(reference)
    else:
        batch = await history.batch(1, reference=reference)
        if user == "image":
            await history.trash("batches", "id = $1", batch)

    await purged(shop)

    assert reference in storage.files
    assert await history.worker("select look_at is null from studio.kept_references")
    await history.trash("images", "true")
    await history.trash("batches", "true")
    await purged(shop)
    assert storage.files == {}


async def test_a_copy_from_the_web_goes_with_its_batch(shop, history, storage):
    batch = await history.batch(1, reference="https://pictures.example/me.png")
    id_ = uuid4()
    key = f"{history.owner.user_id}/references/{id_}.png"
    storage.files[key] = b"copy"
    await history.worker("update batches set reference_key = $2 where id = $1", batch, key)
    await history.worker(
        "insert into studio.kept_references "
        "(id, user_id, topic_id, key, content_type, byte_size, kept_at, look_at) "
        "values ($1, $2, $3, $4, 'image/png', 1, now(), now())",
        *(id_, history.owner.user_id, batch, key),
    )
    await purged(shop)
    assert key in storage.files

    await history.trash("batches", "true")
    await history.trash("images", "true")
    await purged(shop)
    assert storage.files == {}


async def test_a_reference_that_is_being_used_is_not_taken_away(shop, history, storage):
    """Whoever starts work with it moves its time on first."""
    reference = await history.reference(days=2)
    async with history.database.worker_session() as session:
        await session.row("reserve_reference", history.owner.user_id, reference)
        await drop_references(shop)
    await drop_references(shop)
    assert await history.worker("select count(*) from studio.kept_references") == 1
    assert reference in storage.files


async def test_the_worker_sees_no_image_but_those_to_be_purged(history):
    await history.batch(2)
    await history.trash("images", "position = 1")
    assert await history.worker("select count(*) from images") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await history.worker("select prompt from images")
    assert (
        await history.worker("with gone as (delete from batches returning 1) select count(*) from gone") == 0
    )
    assert (
        await history.worker("with gone as (delete from generations returning 1) select count(*) from gone")
        == 0
    )


@asynccontextmanager
async def worker_at_work(shop, urls):
    stopping = asyncio.Event()
    worker = asyncio.create_task(run_worker(shop, urls.login, concurrency=10, stopping=stopping))
    try:
        yield
    finally:
        stopping.set()
        await worker


async def test_a_worker_purges_by_a_job_of_its_queue_that_comes_again(shop, history, storage, urls):
    generation = await history.single()
    await history.trash("images", "generation_id = $1", generation)

    async with worker_at_work(shop, urls), asyncio.timeout(20):
        while storage.files:
            await asyncio.sleep(0.05)
        query = "select execute_after - now() from pgq.pgqueuer where dedupe_key = 'purge:everybody'"
        while not (left := await history.worker(query)) or left.total_seconds() < 60:
            await asyncio.sleep(0.05)
    assert left.total_seconds() <= purging.PAUSE
