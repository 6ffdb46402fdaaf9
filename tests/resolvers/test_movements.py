"""What an owner does to a batch of long ago is told in an open history, once, and to nobody else."""

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from db.reading.statements import CHANGES, SINGLES, compile_updates
from engine.viewer import Viewer
from resolvers.changes import Updates
from resolvers.context import Context
from resolvers.movements import HistoryChanges
from resolvers.naming import update_batch
from resolvers.trash import delete_batch, restore_batch
from schema.inputs import UpdateBatchInput
from tests.reading import selecting
from worker.fakes import QuietHints

HISTORY = "subscription { historyUpdates { batch { title status deletedAt } generation { status } } }"
AGE = "update batches set finished_at = now() - interval '1 hour' where id = $1"


@pytest.fixture
def context(services, archive):
    return Context(archive.owner, replace(services, hints=QuietHints()))


@pytest.fixture
async def old(archive, shared_database):
    """A batch that was finished an hour ago, with many changes."""
    batch = UUID((await archive.batch(30)).batch)
    async with shared_database.worker_session() as session:
        await session.connection.execute(AGE, batch)
    return batch


def changes_of(viewer):
    """The source of this viewer's historyUpdates."""
    selected = selecting(HISTORY)
    (asked,) = selected.roots()
    updates = (
        Updates.of(asked, selected.arguments(), compile_updates(asked, each)) for each in (CHANGES, SINGLES)
    )
    return HistoryChanges(viewer.user_id, *updates)


@pytest.fixture
async def look(context):
    """What is told since the last look."""
    source = changes_of(context.viewer)

    async def look():
        page = await source.read(context, 0)
        return [orjson.loads(change.answer)["data"]["historyUpdates"] for change in page.changes]

    assert await look() == []
    return look


async def rename(context, batch, title):
    asked = UpdateBatchInput(id=str(batch), title=title)
    assert await update_batch(context, asked) == []


async def test_a_new_name_of_an_old_batch_is_told_once(old, look, context):
    await rename(context, old, "Evening")

    (update,) = await look()
    assert update["batch"] | {"status": ""} == {"title": "Evening", "status": "", "deletedAt": None}
    assert update["generation"] is None
    assert await look() == []
    await rename(context, old, "Dusk")
    assert [update["batch"]["title"] for update in await look()] == ["Dusk"]


async def test_that_a_batch_went_and_came_back_is_told(old, look, context):
    await delete_batch(context, old, keep_images=False)
    (gone,) = await look()
    await restore_batch(context, old)
    (back,) = await look()

    assert gone["batch"]["deletedAt"]
    assert back["batch"]["deletedAt"] is None
    assert await look() == []


async def test_a_batch_under_way_that_is_deleted_is_told_with_all_that_ends_in_it(archive, look, context):
    batch = await archive.queued(2)
    await look()

    await delete_batch(context, batch, keep_images=False)

    told = await look()
    assert {update["batch"]["status"] for update in told} == {"CANCELED"}
    assert all(update["batch"]["deletedAt"] for update in told)
    assert {update["generation"]["status"] for update in told if update["generation"]} == {"CANCELED"}
    assert await look() == []


async def test_a_stranger_hears_nothing_of_it(old, context, services, as_stranger):
    stranger = Context(Viewer(user_id=as_stranger.user_id, role="authenticated"), services)
    source = changes_of(stranger.viewer)
    await source.read(stranger, 0)

    await rename(context, old, "Evening")

    assert not (await source.read(stranger, 0)).changes
