"""Hints reach other processes, and outlive the loss of their connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
from nats.errors import NoServersError

from db.hints import COALESCE, HEARTBEAT, MOST_PENDING, Line, LineHints, open_line_hints, try_line
from db.nats import nats_line, subject_of
from db.notify import CHANNEL, notify_line

SOON = 1.0
PATIENCE = 10.0
BACKENDS = "application_name = 'batch-studio hints' and datname = $1"
NOWHERE = {
    "notify": notify_line("postgresql://nobody@127.0.0.1:1/nowhere"),
    "nats": nats_line(["nats://127.0.0.1:1"], "nowhere"),
}


@pytest.fixture(params=["notify", "nats"])
def line(request, urls, shared_nats) -> Line:
    """What carries the hints: each test that uses it runs with either."""
    if request.param == "notify":
        return notify_line(urls.login)
    return nats_line([shared_nats.address], subject_of(urls.login))


@pytest.fixture
async def new_hints() -> AsyncIterator[Callable[[Line], Awaitable[LineHints]]]:
    """Opens the hints of one process more; they listen."""
    async with AsyncExitStack() as stack:

        async def open_one(line: Line) -> LineHints:
            hints = await stack.enter_async_context(open_line_hints(line))
            topic = uuid4()
            with hints.watch(topic) as watch:
                assert await woken(watch)
                hints.tell(topic)
                assert await woken(watch)
            return hints

        yield open_one


@pytest.fixture
async def here(new_hints, line) -> LineHints:
    return await new_hints(line)


@pytest.fixture
async def there(new_hints, line) -> LineHints:
    return await new_hints(line)


@pytest.fixture
async def by_notify(new_hints, urls) -> LineHints:
    return await new_hints(notify_line(urls.login))


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


async def test_many_hints_in_a_short_time_are_few_notifications(by_notify, payloads, owner):
    topic, last = uuid4(), uuid4()
    started = asyncio.get_running_loop().time()
    for _ in range(200):
        by_notify.tell(topic)
        await owner.execute("select 1")
    by_notify.tell(last)
    heard = await until(payloads, last)
    assert 1 <= len(heard) <= (asyncio.get_running_loop().time() - started) / COALESCE + 2


async def test_many_topics_are_sent_in_payloads_that_fit(by_notify, payloads):
    topics = {uuid4() for _ in range(1_000)}
    for topic in topics:
        by_notify.tell(topic)
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
async def test_what_others_shout_disturbs_nobody(payload, by_notify, owner):
    topic = uuid4()
    with by_notify.watch(topic) as watch:
        await owner.execute("select pg_notify($1, $2)", CHANNEL, f"{payload},{topic}")
        assert await woken(watch)


async def test_nothing_of_a_closed_watch_is_kept(here):
    topic = uuid4()
    with here.watch(topic), here.watch(topic):
        assert topic in here.watches
    assert topic not in here.watches


async def test_a_lost_connection_wakes_everybody_and_comes_back(new_hints, urls, backends):
    here, there = [await new_hints(notify_line(urls.login)) for _ in range(2)]
    topics = [uuid4() for _ in range(3)]
    with there.watch(topics[0]) as one, there.watch(topics[1]) as two, there.watch(topics[2]) as three:
        assert await backends("pg_terminate_backend(pid)") == 2
        for watch in (one, two, three):
            assert await woken(watch, within=HEARTBEAT - 1)
        here.tell(topics[0])
        assert await woken(one)


async def test_a_killed_nats_server_that_comes_back_wakes_everybody(new_hints, nats_server):
    here, there = [await new_hints(nats_line([nats_server.address], "ours")) for _ in range(2)]
    told, quiet = uuid4(), uuid4()
    with there.watch(told) as one, there.watch(quiet) as two:
        await nats_server.kill()
        await nats_server.start()
        assert await woken(one)
        assert await woken(two)
        await heard_again(here, there)
        here.tell(told)
        assert await woken(one, within=SOON)


async def heard_again(here: LineHints, there: LineHints) -> None:
    """Each comes back in its own time, and what is told before the other has is not heard there."""
    topic = uuid4()
    with there.watch(topic) as watch:
        while not await woken(watch, within=0.1):
            here.tell(topic)


async def test_of_several_nats_servers_one_suffices(new_hints, shared_nats):
    hints = await new_hints(nats_line(["nats://127.0.0.1:1", shared_nats.address], "several"))
    topic = uuid4()
    with hints.watch(topic) as watch:
        hints.tell(topic)
        assert await woken(watch, within=SOON)


async def test_services_on_other_databases_are_not_heard(new_hints, shared_nats):
    ours, theirs = [
        await new_hints(nats_line([shared_nats.address], subject_of(f"postgresql://host/{name}")))
        for name in ("ours", "theirs")
    ]
    topic, last = uuid4(), uuid4()
    with ours.watch(topic) as watch, ours.watch(last) as other:
        theirs.tell(topic)
        ours.tell(last)
        assert await woken(other)
        assert not await woken(watch, within=0.05)


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("studio", "batch-studio.studio.hints"),
        ("a.b c*>", "batch-studio.a%2Eb%20c%2A%3E.hints"),
        ("", "batch-studio.default.hints"),
    ],
)
def test_a_subject_has_three_parts_whatever_the_database_is_called(name, subject):
    assert subject_of(f"postgresql://host/{name}") == subject


async def test_what_is_told_without_a_line_is_bounded():
    hints = LineHints(NOWHERE["nats"])
    for _ in range(MOST_PENDING + 10):
        hints.tell(uuid4())
    assert len(hints.told) == MOST_PENDING


async def test_a_line_that_works_brings_back_what_it_sent(line):
    await try_line(line)


@pytest.mark.parametrize("line", NOWHERE.values(), ids=NOWHERE)
async def test_a_line_to_nowhere_says_so(line):
    with pytest.raises((OSError, NoServersError)):
        await try_line(line)


async def test_what_was_told_while_the_connection_was_away_is_sent_later(
    by_notify, payloads, admin, backends, urls
):
    topic, name = uuid4(), urlsplit(urls.login).path[1:]
    await admin.execute(f"alter database {name} allow_connections false")
    assert await backends("pg_terminate_backend(pid)") == 1
    by_notify.tell(topic)
    await admin.execute(f"alter database {name} allow_connections true")
    assert topic in (await until(payloads, topic))[-1]


async def test_hints_cost_one_connection_until_they_are_closed(urls, backends):
    async with open_line_hints(notify_line(urls.login)) as hints:
        with hints.watch(uuid4()) as watch:
            assert await woken(watch)
        assert await backends() == 1
    async with asyncio.timeout(PATIENCE):
        while await backends():
            pass


async def test_an_api_and_its_worker_share_one_connection(service, backends):
    assert await backends() == 1


@pytest.mark.parametrize("line", NOWHERE.values(), ids=NOWHERE)
async def test_hints_are_closed_while_there_is_no_server(line):
    async with open_line_hints(line) as hints:
        hints.tell(uuid4())
        with hints.watch(uuid4()) as watch:
            assert not await woken(watch, within=0.05)
