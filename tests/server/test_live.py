"""What many ask for is done once, a slow client costs little, and nobody misses anything."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing
from types import SimpleNamespace
from uuid import UUID, uuid4

import asyncpg
import pytest

from db.changes import Change, apply_change
from db.hints import open_line_hints
from db.notify import notify_line
from db.pool import Connections
from db.reading.selection import Bound
from db.reading.statements import Statement
from db.session import Database
from engine.cursors import BatchCursor
from engine.viewer import Viewer
from engine.words import GenerationStatus as Status
from resolvers.changes import Change as Told
from resolvers.changes import Page
from resolvers.context import Services
from server.live.feed import Feed
from server.live.streams import Live, open_live
from server.operations.errors import RefusedError
from server.operations.pipeline import Operation, Pipeline

RESULTS = """subscription ($id: ID!, $after: String) {
  batchResults(batchId: $id, after: $after) { cursor generation { id status images { id } } }
}"""
HISTORY = "subscription { historyUpdates { batch { id status } generation { id status batch { id } } } }"
START = """mutation ($numbers: JSON!) {
  startBatch(input: {templates: [{name: "a", prompt: "{{n}}"}], variables: $numbers}) { batchId }
}"""
RUNNING = Change(status=Status.RUNNING, attempts=1)
CANCELED = Change(status=Status.CANCELED)
LIFE = (RUNNING, Change(status=Status.SAVING), Change(status=Status.SUCCEEDED, saved=True))


class CountingDatabase(Database):
    """A database that counts the reads that find changes: a hint may come late, and then there are none."""

    def __init__(self, connections: Connections, readers: Connections) -> None:
        super().__init__(connections, readers)
        self.finds = 0

    async def read(self, viewer: Viewer, statement: Statement, bound: Bound) -> Sequence[asyncpg.Record]:
        rows = await super().read(viewer, statement, bound)
        self.finds += len(rows) > 1  # the last is the batch alone
        return rows


@pytest.fixture
def database(shared_database) -> CountingDatabase:
    return CountingDatabase(shared_database.connections, shared_database.readers)


@pytest.fixture
async def hints(shared_urls):
    async with open_line_hints(notify_line(shared_urls.login)) as hints:
        yield hints


@pytest.fixture
async def live(database, hints) -> AsyncIterator[Live]:
    services = Services(
        database=database,
        hints=hints,
        signer=lambda: ["http://studio/", "?", "00", "00"],
        uploads=None,
        providers=[],
        default_model="demo",
        max_batch=1000,
        max_queued=20_000,
        max_running=100,
        loopback_references=False,
    )
    async with open_live(Pipeline(), services) as live:
        yield live


@pytest.fixture
def owner(as_owner) -> Viewer:
    return Viewer(user_id=as_owner.user_id, role="authenticated")


@pytest.fixture
async def watch(live, owner):
    """Opens streams of the owner's, closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def watch(document=RESULTS, **variables):
            stream = await live.open(Operation(query=document, variables=variables), owner)
            stack.push_async_callback(stream.aclose)
            return stream

        yield watch


@pytest.fixture
def batch(as_owner, owner, database):
    """Starts a batch of so many; its id, and the ids of its generations in their order."""

    async def batch(count=1):
        batch_id = (await as_owner.ask(START, numbers={"n": list(range(count))}))["startBatch"]["batchId"]
        async with database.session(owner) as session:
            rows = await session.connection.fetch(
                "select id from generations where batch_id = $1 order by position", UUID(batch_id)
            )
        return SimpleNamespace(id=batch_id, generations=[row["id"] for row in rows])

    return batch


@pytest.fixture
def advance(shared_database, hints):
    """Changes generations as a worker does; hints at it unless told otherwise."""

    async def advance(ids, *changes, hinted=True):
        for change in changes:
            async with shared_database.worker_session() as session:
                changed = await apply_change(session, ids, change)
            assert changed
            if hinted:
                hints.tell(*changed.topics)

    return advance


async def taken(stream, count):
    """The next so many payloads."""
    async with asyncio.timeout(10):
        return [json.loads((await anext(stream)).answer)["data"] for _ in range(count)]


async def rest(stream):
    """All payloads up to the end of the stream."""
    async with asyncio.timeout(10):
        return [json.loads(change.answer)["data"] async for change in stream]


def seqs(answers):
    return [BatchCursor.decode(answer["batchResults"]["cursor"]).seq for answer in answers]


async def test_a_change_is_read_once_for_all_who_asked_the_same(watch, batch, advance, database):
    made = await batch()
    streams = [await watch(id=made.id) for _ in range(20)]
    for stream in streams:
        await taken(stream, 1)
    database.finds = 0

    await advance(made.generations[0], RUNNING)
    told = [await taken(stream, 1) for stream in streams]

    assert all(each == told[0] for each in told)
    assert database.finds == 1


async def test_many_who_come_at_once_are_read_for_once(watch, batch, database):
    made = await batch(30)
    database.finds = 0

    streams = await asyncio.gather(*[watch(id=made.id) for _ in range(50)])
    told = [await taken(stream, 30) for stream in streams]

    assert all(seqs(each) == list(range(1, 31)) for each in told)
    assert database.finds == 1


async def test_who_comes_later_gets_the_same_from_where_it_left(watch, batch):
    made = await batch(30)
    before = await taken(await watch(id=made.id), 30)
    after = before[9]["batchResults"]["cursor"]

    assert await taken(await watch(id=made.id, after=after), 20) == before[10:]


async def test_different_selections_of_one_batch_are_told_each_in_its_own_words(watch, batch, advance):
    made = await batch()
    short = "subscription ($id: ID!) { changes: batchResults(batchId: $id) { cursor } }"
    streams = [await watch(id=made.id), await watch(short, id=made.id)]
    for stream in streams:
        await taken(stream, 1)

    await advance(made.generations[0], RUNNING)
    (long,), (brief,) = [await taken(stream, 1) for stream in streams]

    assert brief == {"changes": {"cursor": long["batchResults"]["cursor"]}}


async def test_what_is_asked_counts_and_not_how_it_is_written(watch, batch, live):
    made = await batch()
    other = """subscription Other($b: ID!) { ...Told }
      fragment Told on Subscription {
        batchResults(batchId: $b) { ... { cursor } generation { ... on Node { id } status images { id } } }
      }"""
    await watch(id=made.id)
    await watch(other, b=made.id)

    assert len(live.feeds) == 1


async def test_arguments_further_in_count_wherever_they_come_from(watch, batch, live):
    made = await batch()
    sized = """subscription ($id: ID!, $width: Int) {
      batchResults(batchId: $id) { generation { images { thumbnailUrl(width: $width) } } }
    }"""
    for width in (200, 800, 200):
        await watch(sized, id=made.id, width=width)

    assert len(live.feeds) == 2


async def test_a_client_that_stops_reading_is_dropped_and_misses_nothing(watch, batch, advance):
    made = await batch(150)
    quick, slow = await watch(id=made.id), await watch(id=made.id)
    await taken(quick, 150)
    await taken(slow, 150)

    for generation in made.generations:
        await advance(generation, *LIFE)
    assert len(await rest(quick)) <= 450
    assert slow.is_behind
    told = await rest(slow)

    assert seqs(told) == sorted(set(seqs(told)))
    assert {each["batchResults"]["generation"]["status"] for each in told} == {"SUCCEEDED"}
    assert len(told) == 150


async def test_who_was_behind_goes_on_live(watch, batch, advance):
    made = await batch(120)
    slow = await watch(id=made.id)
    await taken(slow, 120)
    await advance(made.generations, RUNNING)
    assert seqs(await taken(slow, 120)) == list(range(121, 241))

    await advance(made.generations[0], *LIFE[1:2])

    assert seqs(await taken(slow, 1)) == [241]


async def test_a_batch_that_is_begun_again_goes_on_for_who_had_not_read_its_end(watch, batch, advance, live):
    made = await batch()
    quick, slow = await watch(id=made.id), await watch(id=made.id)
    await taken(quick, 1)
    await taken(slow, 1)
    (feed,) = live.feeds.values()
    await advance(made.generations[0], RUNNING, CANCELED)
    assert (await rest(quick))[-1]["batchResults"]["generation"]["status"] == "CANCELED"
    assert feed.end is not None

    await advance(made.generations[0], Change(status=Status.QUEUED))
    async with asyncio.timeout(10):
        while feed.end is not None:
            await asyncio.sleep(0.01)
    await taken(slow, 1)
    await advance(made.generations[0], *LIFE)
    told = await rest(slow)

    assert told[-1]["batchResults"]["generation"]["status"] == "SUCCEEDED"


class Slow:
    """A source that is at its end, and whose next read can be held back."""

    can_resume = True
    rest = 0.0
    sameness = ""

    def __init__(self, topic, head):
        self.topic = topic
        self.head = head
        self.gate = None

    async def read(self, _, after):
        head, gate, self.gate = self.head, self.gate, None
        if gate:
            await gate.wait()
        changes = [
            Told(key=uuid4(), seq=seq, cursor=None, answer=str(seq)) for seq in range(after + 1, head + 1)
        ]
        return Page(changes=changes, through=head, head=head, finished=True)


async def test_a_read_that_comes_late_does_not_bring_an_old_end_back(hints):
    source = Slow(uuid4(), head=5)
    feed = Feed(source, hints, lambda: None, on_close=lambda _: None)
    first, late = feed.enter(0), feed.enter(5)
    async with aclosing(first), aclosing(late):
        await first.begin()
        source.gate = gate = asyncio.Event()
        beginning = asyncio.create_task(late.begin())
        await asyncio.sleep(0)
        source.head = 7  # begun again, and ended again
        hints.wake(source.topic)
        async with asyncio.timeout(10):
            while feed.head != 7:
                await asyncio.sleep(0.01)
        gate.set()
        await beginning
        async with asyncio.timeout(10):
            assert [change.seq async for change in first] == [1, 2, 3, 4, 5, 6, 7]
            assert [change.seq async for change in late] == [6, 7]


async def test_a_change_that_nobody_hints_at_comes_with_the_next_look(watch, batch, advance):
    made = await batch()
    results, history = await watch(id=made.id), await watch(HISTORY)
    await taken(results, 1)

    await advance(made.generations[0], RUNNING, hinted=False)

    assert seqs(await taken(results, 1)) == [2]
    (told,) = await taken(history, 1)
    assert told["historyUpdates"]["generation"]["status"] == "RUNNING"


async def test_a_batch_that_is_gone_is_told_no_more(watch, batch, hints, cluster, shared_urls):
    made = await batch()
    stream = await watch(id=made.id)
    await taken(stream, 1)
    path = shared_urls.login.split("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(cluster.superuser_url, database=path)
    await admin.execute("delete from batches where id = $1", UUID(made.id))
    await admin.close()
    hints.tell(UUID(made.id))

    with pytest.raises(RefusedError) as caught:
        await taken(stream, 1)

    assert caught.value.errors[0].extensions == {"code": "NOT_FOUND"}


async def test_nothing_is_kept_of_what_nobody_watches(live, watch, batch):
    made = await batch()
    streams = [await watch(id=made.id), await watch(id=made.id), await watch(HISTORY)]

    for stream in streams:
        await stream.aclose()

    assert live.feeds == {}


async def test_a_history_tells_of_all_batches_and_single_generations(watch, batch, advance, as_owner):
    old = await batch()
    stream = await watch(HISTORY)

    new = await batch()
    await advance(old.generations[0], RUNNING)
    (first, second) = await taken(stream, 2)
    told = {update["historyUpdates"]["batch"]["id"]: update["historyUpdates"] for update in (first, second)}
    single = (await as_owner.ask('mutation { generateImage(input: {prompt: "a"}) { generation { id } } }'))[
        "generateImage"
    ]["generation"]["id"]
    await advance(UUID(single), RUNNING)
    alone = (await taken(stream, 1))[0]["historyUpdates"]

    assert told[new.id]["generation"] is None
    assert told[old.id]["generation"] == {
        "id": str(old.generations[0]),
        "status": "RUNNING",
        "batch": {"id": old.id},
    }
    assert alone == {"batch": None, "generation": {"id": single, "status": "RUNNING", "batch": None}}


async def test_a_history_tells_each_last_state_and_is_quiet_afterwards(watch, batch, advance):
    made = await batch(230)
    stream = await watch(HISTORY)
    for change in LIFE:
        await advance(made.generations, change)
    told: dict[str, str] = {}
    while len(told) < 230 or set(told.values()) != {"SUCCEEDED"}:
        (update,) = await taken(stream, 1)
        told[update["historyUpdates"]["generation"]["id"]] = update["historyUpdates"]["generation"]["status"]

    other = await batch()
    (update,) = await taken(stream, 1)

    assert update["historyUpdates"]["batch"]["id"] == other.id


async def test_a_stranger_and_an_anonymous_caller_learn_nothing_of_a_history(
    live, watch, batch, advance, as_stranger
):
    stranger = Viewer(user_id=as_stranger.user_id, role="authenticated")
    theirs = await live.open(Operation(query=HISTORY), stranger)
    ours = await watch(HISTORY)
    made = await batch()
    await advance(made.generations[0], RUNNING)
    await taken(ours, 1)

    with pytest.raises(RefusedError) as caught:
        await live.open(Operation(query=HISTORY), Viewer(user_id=None, role="anon"))

    assert caught.value.errors[0].extensions == {"code": "UNAUTHENTICATED"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await anext(theirs)
    await theirs.aclose()


async def test_a_history_that_nobody_reads_ends_with_a_reason(watch, batch, advance):
    made = await batch(1000)
    stream, other = await watch(HISTORY), await watch(HISTORY)
    second = await batch(100)
    for ids in (made.generations, second.generations):
        await advance(ids, RUNNING)
    await taken(other, 1050)

    with pytest.raises(RefusedError) as caught:
        await anext(stream)

    assert caught.value.errors[0].extensions == {"code": "OVERRUN"}
