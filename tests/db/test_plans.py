"""What is asked all the time reads few rows, however many there are and whatever the planner knows."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from db.reading.selection import Bound
from db.reading.statements import Statement
from db.session import Session
from db.statements import statement
from tests.reading import changes, query

ADMITTED, WAITING, JOBS = 1_000, 20_000, 2_000
ENDED = 3_000
GENERATE = """
    insert into generations (batch_id, position, template_name, name, prompt, model, seed, seq)
    select $1, place, 'Boat', 'Boat', 'a boat', 'demo', 1, place + 1 from generate_series(0, $2 - 1) as place
"""
SAVE = """
    insert into images (generation_id, batch_id, name, prompt, url, model)
    select id, batch_id, name, prompt, user_id || '/' || id || '/0.png', model from generations
"""
ADMIT = "update generations set admitted = true, status = 'RUNNING' where batch_id = $1"
ENQUEUE = """
    insert into pgq.pgqueuer (priority, status, entrypoint, dedupe_key)
    select priority, 'queued', entrypoint, entrypoint || ':' || subject from (
        select -position, 'collect', id || ':' || round from generations where admitted
        union all
        select -1, 'thumbnail', place::text from generate_series(1, $1) as place
        union all
        select 0, 'feed', $2
    ) as job (priority, entrypoint, subject)
"""


async def batch_of(session: Session, count: int) -> UUID:
    batch = await session.one("insert_batch", "Boats", None, "demo", None, {}, {}, [], count, None, {}, 1)
    await session.connection.execute(GENERATE, batch["id"], count)
    return batch["id"]


async def steps(session: Session, name: str, *parameters: Any) -> list[dict[str, Any]]:
    """Every step of the statement's plan, as it was carried out."""
    text = f"explain (analyze, format json) {statement(name)}"
    (plan,) = orjson.loads(await session.connection.fetchval(text, *parameters))
    return list(_flat(plan["Plan"]))


async def compiled_steps(session: Session, read: Statement, bound: Bound) -> list[dict[str, Any]]:
    """The same of a compiled statement, as it is read alone: the claims come first."""
    await session.connection.execute("set local plan_cache_mode = 'force_generic_plan'")
    claims = await session.connection.fetchval("select current_setting('request.jwt.claims')")
    text = f"explain (analyze, format json) {read.alone}"
    (plan,) = orjson.loads(await session.connection.fetchval(text, *read.values(bound), claims))
    top = plan["Plan"]
    caller, answer = top["Plans"]
    assert (top["Node Type"], caller["Node Type"], caller["Parent Relationship"]) == (
        "Nested Loop",
        "Result",
        "Outer",
    )
    assert any("set_config" in step.get("One-Time Filter", "") for step in _flat(answer))
    return list(_flat(top))


def _flat(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for each in step.get("Plans", ()):
        yield from _flat(each)


def rows_read(plan: list[dict[str, Any]]) -> float:
    kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    return sum(step["Actual Loops"] * sum(step.get(kind, 0) for kind in kinds) for step in plan)


@pytest.fixture
async def history(database, ada, owner) -> UUID:
    """A batch whose images are all saved."""
    async with database.session(ada) as session:
        batch_id = await batch_of(session, 500)
        await session.connection.execute(SAVE)
    await owner.execute("analyze")
    return batch_id


GENERATION = "id imageUrl imageRecordId"


@pytest.mark.parametrize("how", ["changes", "page", "one"])
async def test_the_image_of_a_generation_is_looked_up(how, database, ada, history):
    async with database.session(ada) as session:
        id = await session.connection.fetchval("select id from generations limit 1")
        wanted = {
            "changes": lambda: changes(f"generation {{ {GENERATION} }}", history, -1, 100),
            "page": lambda: query(
                f'{{ batch(id: "{history}") {{ generations {{ nodes {{ {GENERATION} }} }} }} }}'
            ),
            "one": lambda: query(f'{{ generation(id: "{id}") {{ {GENERATION} }} }}'),
        }
        plan = await compiled_steps(session, *wanted[how]())

    of_images = {step["Node Type"] for step in plan if step.get("Relation Name") == "images"}
    assert of_images <= {"Index Scan", "Index Only Scan"}
    assert of_images
    assert not [step for step in plan if step["Node Type"] == "BitmapAnd"]


PAGE = """{ batches(first: 20, after: %s) { pageInfo { hasNextPage endCursor }
  nodes { id title counts { total saved } images(first: 4) { nodes { url } } } } }"""
BATCH = '{ batch(id: "%s") { images(first: 100) { nodes { id name url thumbnailUrl createdAt } } } }'
SEARCH = """{ images(filter: {search: "boat"}) { nodes { id } }
  batches(filter: {search: "harbour"}) { nodes { id } } }"""


@pytest.fixture
async def many_histories(database, ada, ben, owner) -> UUID:
    """Sixty batches of ada's with four images each, among three hundred of ben's; one of ada's."""
    batch = "insert into batches (title, model, total) select 'Boats', 'demo', 4 from generate_series(1, $1)"
    image = """
        insert into images (batch_id, position, name, prompt, url, model)
        select id, place, 'Boat', 'a boat', user_id || '/' || id || '/' || place || '.png', 'demo'
        from batches, generate_series(0, 3) as place
    """
    for viewer, count in ((ada, 60), (ben, 300)):
        async with database.session(viewer) as session:
            await session.connection.execute(batch, count)
            await session.connection.execute(image)
    await owner.execute("vacuum (analyze) batches, images")
    async with database.session(ada) as session:
        return await session.connection.fetchval("select id from batches order by id limit 1")


async def _end_of_page(session: Session, after: str) -> str:
    ((page,),) = await session.read(*query(PAGE % after))
    return f'"{orjson.loads(page)["pageInfo"]["endCursor"]}"'


async def test_a_page_of_a_history_costs_what_it_shows(many_histories, database, ada):
    async with database.session(ada) as session:
        middle = await _end_of_page(session, "null")
        plans = [await compiled_steps(session, *query(PAGE % after)) for after in ("null", middle)]

    for plan in plans:
        assert not [step for step in plan if step["Node Type"] in {"Seq Scan", "BitmapAnd"}]
        assert rows_read(plan) < 12 * (21 + 20 * 4)


async def test_the_images_of_a_batch_cost_what_they_are(many_histories, database, ada):
    async with database.session(ada) as session:
        plan = await compiled_steps(session, *query(BATCH % many_histories))

    assert not [step for step in plan if step["Node Type"] in {"Seq Scan", "BitmapAnd"}]
    assert rows_read(plan) < 50


async def test_a_search_reads_no_row_of_anothers(many_histories, database, ada):
    async with database.session(ada) as session:
        plan = await compiled_steps(session, *query(SEARCH))

    read = sum(
        step["Actual Loops"] * (step["Actual Rows"] + step.get("Rows Removed by Filter", 0))
        for step in plan
        if step.get("Relation Name") == "images"
    )
    assert read <= 240


@pytest.fixture
async def crowd(database, ada) -> None:
    """A long queue, and much more that waits to get there."""
    async with database.session(ada) as session:
        admitted = await batch_of(session, ADMITTED)
        await batch_of(session, WAITING)
        await session.become_worker()
        await session.connection.execute(ADMIT, admitted)
        await session.connection.execute(ENQUEUE, JOBS - ADMITTED, str(ada.user_id))


@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize("name", ["abandoned_generations", "unfed_users"])
async def test_what_was_left_behind_is_looked_for_in_few_rows(name, is_analyzed, crowd, database, owner):
    if is_analyzed:
        await owner.execute("analyze")
    async with database.worker_session() as session:
        assert await session.rows(name) == []
        assert rows_read(await steps(session, name)) < 3 * (ADMITTED + JOBS)


async def test_what_has_lost_its_job_is_found_among_all(crowd, database, ada):
    lose = "delete from pgq.pgqueuer where entrypoint = 'feed' or priority = -7 returning dedupe_key"
    async with database.worker_session() as session:
        lost = {row["dedupe_key"] for row in await session.connection.fetch(lose)}
        abandoned = await session.rows("abandoned_generations")
        unfed = await session.rows("unfed_users")

    found = {f"collect:{row['id']}:{row['round']}" for row in abandoned}
    assert found | {f"feed:{row['user_id']}" for row in unfed} == lost
    assert len(lost) == 2
    assert {row["job"] for row in abandoned} == {"submit"}


async def test_whose_work_is_paused_is_not_fed(database, ada, ben):
    pause = "update batches set paused = true where user_id = $1"
    for viewer in (ada, ben):
        async with database.session(viewer) as session:
            await batch_of(session, 2)
    async with database.worker_session() as session:
        await session.connection.execute(pause, ben.user_id)
        assert [row["user_id"] for row in await session.rows("unfed_users")] == [ada.user_id]


@pytest.fixture
async def long_history(database, ada, owner) -> None:
    """Much that ended long ago, and one batch and one single generation under way."""
    batch = "insert into batches (title, model, total) select 'Boats', 'demo', 1 from generate_series(1, $1)"
    single = """
        insert into generations (template_name, name, prompt, model, seed)
        select 'Boat', 'Boat', 'a boat', 'demo', 1 from generate_series(1, $1)
    """
    end_batches = "update batches set succeeded = 1, finished_at = now() - interval '1 hour'"
    end_singles = "update generations set status = 'SUCCEEDED', finished_at = now() - interval '1 hour'"
    async with database.session(ada) as session:
        for each in (batch, single):
            await session.connection.execute(each, ENDED)
    async with database.worker_session() as session:
        await session.connection.execute(end_batches)
        await session.connection.execute(end_singles)
    async with database.session(ada) as session:
        for each in (batch, single):
            await session.connection.execute(each, 1)
    await owner.execute("vacuum (analyze) batches, generations")


async def test_what_moves_in_a_long_history_is_looked_for_in_few_rows(long_history, database, ada):
    async with database.session(ada) as session:
        for name in ("batch_seqs", "single_versions"):
            assert len(await session.rows(name, [])) == 1
            assert rows_read(await steps(session, name, [])) < 20
        assert await session.rows("usage", ada.user_id) == [(2, 0)]
        assert rows_read(await steps(session, "usage", ada.user_id)) < 10
    async with database.worker_session() as session:
        parameters = ([], [], [ada.user_id], [0])
        assert [row["topic"] for row in await session.rows("moved_topics", *parameters)] == [ada.user_id]
        assert rows_read(await steps(session, "moved_topics", *parameters)) < 30


async def test_a_change_of_a_batch_stays_within_its_page(database, ada):
    change = "update batches set seq = seq + 1, running = running + 1, started_at = now() where id = $1"
    hot = "select pg_stat_get_xact_tuples_hot_updated('batches'::regclass)"
    async with database.session(ada) as session:
        batch_id = await batch_of(session, 2)
    async with database.worker_session() as session:
        await session.connection.execute(change, batch_id)
        assert await session.connection.fetchval(hot) == 1
