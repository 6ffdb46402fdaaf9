"""Whatever a caller changes is told to the batch's listeners and to its owner's."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from db.notify import notify_line

START = """
mutation { startBatch(input: {templates: [{name: "Boat", prompt: "a boat"}], variants: 2}) { batchId } }
"""
GENERATE = 'mutation { generateImage(input: {prompt: "a boat"}) { generation { id } } }'


class Topics:
    """What is told, topic by topic."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.more = asyncio.Event()

    def heard(self, payload: str) -> None:
        self.seen |= set(payload.split(","))
        self.more.set()

    def lost(self) -> None: ...

    async def hear(self, *topics: object) -> None:
        """Returns once all of these are told, and forgets them."""
        wanted = {str(topic) for topic in topics}
        async with asyncio.timeout(10):
            while not wanted <= self.seen:
                self.more.clear()
                await self.more.wait()
        self.seen -= wanted


@pytest.fixture
async def topics(shared_api, shared_urls) -> AsyncIterator[Topics]:
    topics = Topics()
    async with notify_line(shared_urls.login)(topics):
        yield topics


async def test_a_new_batch_is_told(as_owner, topics):
    batch_id = (await as_owner.ask(START))["startBatch"]["batchId"]
    await topics.hear(batch_id, as_owner.user_id)


async def test_a_new_image_is_told(as_owner, topics):
    await as_owner.ask(GENERATE)
    await topics.hear(as_owner.user_id)


@pytest.mark.parametrize("fields", [["pauseBatch", "resumeBatch"], ["cancelBatch", "retryBatch"]])
async def test_every_control_of_a_batch_is_told(fields, as_owner, topics):
    batch_id = (await as_owner.ask(START))["startBatch"]["batchId"]
    await topics.hear(batch_id, as_owner.user_id)
    for field in fields:
        await as_owner.ask(f'mutation {{ {field}(id: "{batch_id}") {{ userErrors {{ message }} }} }}')
        await topics.hear(batch_id, as_owner.user_id)


async def test_what_is_done_to_the_batch_itself_is_told(as_owner, topics):
    batch_id = (await as_owner.ask(START))["startBatch"]["batchId"]
    await topics.hear(batch_id, as_owner.user_id)
    for done in (
        f'updateBatch(input: {{id: "{batch_id}", favorite: true}})',
        f'deleteBatch(id: "{batch_id}")',
        f'restoreBatch(id: "{batch_id}")',
    ):
        await as_owner.ask(f"mutation {{ {done} {{ userErrors {{ message }} }} }}")
        await topics.hear(batch_id, as_owner.user_id)


async def test_what_others_do_is_told_to_their_listeners_alone(as_owner, as_stranger, topics):
    await as_stranger.ask(START)
    await topics.hear(as_stranger.user_id)
    assert str(as_owner.user_id) not in topics.seen
