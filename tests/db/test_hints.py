"""Hints reach other processes, and outlive the loss of their connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from db.hints import CHANNEL, COALESCE, HEARTBEAT, NotifyHints, open_notify_hints

SOON = 1.0
PATIENCE = 10.0
BACKENDS = "application_name = 'batch-studio hints' and datname = $1"


@pytest.fixture
async def new_hints(urls) -> AsyncIterator[Callable[[], Awaitable[NotifyHints]]]:
    """Opens the hints of one process more; they listen."""
    async with AsyncExitStack() as stack:

        async def open_one() -> NotifyHints:
            hints = await stack.enter_async_context(open_notify_hints(urls.login))
            topic = uuid4()
            with hints.watch(topic) as watch:
                assert await woken(watch)
                hints.tell(topic)
                assert await woken(watch)
            return hints

        yield open_one


@pytest.fixture
async def here(new_hints) -> NotifyHints:
    return await new_hints()


@pytest.fixture
async def there(new_hints) -> NotifyHints:
    return await new_hints()


@pytest.fixture
def backends(admin, urls) -> Callable[[str], Awaitable[int]]:
    """Counts the backends of hints, doing this to each of them."""

    async def each(action: str = "pid") -> int:
        query = f"select count({action}) from pg_stat_activity where {BACKENDS}"
        return await admin.fetchval(query, urlsplit(urls.login).path[1:])

    return each


@pytest.fixture
async def payloads(urls) -> AsyncIterator[asyncio.Queue[str]]:
    """What goes over the channel, as another listener hears it."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(urls.login)
    await connection.add_listener(CHANNEL, lambda *said: heard.put_nowait(said[-1]))
    yield heard
    await connection.close()


async def woken(watch, within: float = PATIENCE) -> bool:
    """Whether the watch was woken, and not by the clock."""
    started = asyncio.get_running_loop().time()
    await watch.wait(within)
    return asyncio.get_running_loop().time() - started < within


async def test_what_is_told_here_is_heard_there_soon(here, there):
    topic = uuid4()
    with there.watch(topic) as watch:
        here.tell(topic)
        assert await woken(watch, within=SOON)


async def test_what_is_told_here_is_heard_here_too(here):
    topic = uuid4()
    with here.watch(topic) as watch:
        here.tell(topic)
        assert await woken(watch, within=SOON)


async def test_everybody_who_watches_a_topic_is_woken(here, there):
    topic = uuid4()
    with there.watch(topic) as one, there.watch(topic) as two:
        here.tell(topic)
        assert await woken(one)
        assert await woken(two)


async def test_a_watch_that_was_told_before_it_waits_returns_at_once(here):
    told, after = uuid4(), uuid4()
    with here.watch(told) as first, here.watch(after) as second:
        here.tell(told)
        here.tell(after)
        assert await woken(second)
        assert await woken(first, within=0.01)


async def test_a_watch_is_woken_once_for_what_it_heard(here):
    topic = uuid4()
    with here.watch(topic) as watch:
        here.tell(topic)
        assert await woken(watch)
        assert not await woken(watch, within=0.05)


async def test_a_watch_hears_nothing_of_other_topics(here):
    theirs, ours = uuid4(), uuid4()
    with here.watch(ours) as watch, here.watch(theirs) as other:
        here.tell(theirs)
        assert await woken(other)
        assert not await woken(watch, within=0.01)


async def test_many_hints_in_a_short_time_are_few_notifications(here, payloads, owner):
    topic, last = uuid4(), uuid4()
    started = asyncio.get_running_loop().time()
    for _ in range(200):
        here.tell(topic)
        await owner.execute("select 1")
    here.tell(last)
    heard = await until(payloads, last)
    assert 1 <= len(heard) <= (asyncio.get_running_loop().time() - started) / COALESCE + 1


async def test_many_topics_are_sent_in_payloads_that_fit(here, payloads):
    topics = {uuid4() for _ in range(1_000)}
    for topic in topics:
        here.tell(topic)
    heard = [await asyncio.wait_for(payloads.get(), PATIENCE) for _ in range(5)]
    assert {UUID(each) for payload in heard for each in payload.split(",")} == topics
    assert all(len(payload) < 8_000 for payload in heard)


async def until(payloads: asyncio.Queue[str], last: UUID) -> list[set[UUID]]:
    heard: list[set[UUID]] = []
    while not heard or last not in heard[-1]:
        payload = await asyncio.wait_for(payloads.get(), PATIENCE)
        heard.append({UUID(each) for each in payload.split(",")})
    return heard


@pytest.mark.parametrize("payload", ["", "nonsense", "a,b,,", "{}"])
async def test_what_others_shout_disturbs_nobody(payload, here, owner):
    topic = uuid4()
    with here.watch(topic) as watch:
        await owner.execute("select pg_notify($1, $2)", CHANNEL, f"{payload},{topic}")
        assert await woken(watch)


async def test_nothing_of_a_closed_watch_is_kept(here):
    topic = uuid4()
    with here.watch(topic), here.watch(topic):
        assert topic in here.watches
    assert topic not in here.watches


async def test_a_lost_connection_wakes_everybody_and_comes_back(here, there, backends):
    topics = [uuid4() for _ in range(3)]
    with there.watch(topics[0]) as one, there.watch(topics[1]) as two, there.watch(topics[2]) as three:
        assert await backends("pg_terminate_backend(pid)") == 2
        for watch in (one, two, three):
            assert await woken(watch, within=HEARTBEAT - 1)
        here.tell(topics[0])
        assert await woken(one)


async def test_what_was_told_while_the_connection_was_away_is_sent_later(
    here, payloads, admin, backends, urls
):
    topic, name = uuid4(), urlsplit(urls.login).path[1:]
    await admin.execute(f"alter database {name} allow_connections false")
    assert await backends("pg_terminate_backend(pid)") == 1
    here.tell(topic)
    await admin.execute(f"alter database {name} allow_connections true")
    assert topic in (await until(payloads, topic))[-1]


async def test_hints_cost_one_connection_until_they_are_closed(urls, backends):
    async with open_notify_hints(urls.login) as hints:
        with hints.watch(uuid4()) as watch:
            assert await woken(watch)
        assert await backends() == 1
    async with asyncio.timeout(PATIENCE):
        while await backends():
            pass


async def test_hints_are_closed_while_there_is_no_database():
    async with open_notify_hints("postgresql://nobody@127.0.0.1:1/nowhere") as hints:
        hints.tell(uuid4())
        with hints.watch(uuid4()) as watch:
            assert not await woken(watch, within=0.05)
