"""The shared sample collections: there once, and everybody's to read."""

import pytest

from db.samples import add_samples
from engine.viewer import ANONYMOUS, NOBODY_ID


@pytest.fixture
def shared(database):
    """The sample collections and their templates, as somebody sees them."""

    async def read(viewer=ANONYMOUS):
        async with database.session(viewer) as session:
            collections = await session.connection.fetch("select * from collections where shared order by id")
            ids = [row["id"] for row in collections]
            return collections, await session.rows("templates_of_collections", ids)

    return read


async def test_there_are_two_of_six_templates_each(shared):
    collections, templates = await shared()
    assert [row["name"] for row in collections] == ["Portrait Studio", "Product Shots"]
    for collection in collections:
        own = [row for row in templates if row["collection_id"] == collection["id"]]
        assert [row["position"] for row in own] == list(range(6))
        assert len({row["name"] for row in own}) == len({row["prompt"] for row in own}) == 6


async def test_they_belong_to_nobody_and_say_what_they_are(shared):
    collections, templates = await shared()
    assert {row["user_id"] for row in [*collections, *templates]} == {NOBODY_ID}
    assert all(row["description"] for row in collections)


async def test_adding_them_twice_adds_nothing(shared, urls):
    before = await shared()
    assert await add_samples(urls.owner) == 2
    assert await shared() == before


async def test_everybody_sees_the_same(shared, ada):
    assert await shared(ada) == await shared()
