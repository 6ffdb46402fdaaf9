"""What a user with SQL of their own can do to somebody else's rows: nothing, and they learn nothing.

Everything here runs as `authenticated` with ben's claims, against what is ada's. What such a session can
do to itself is no matter for policies: the login may take every role, so a `reset role` or new claims
would make the session somebody else's. That is why no client ever sends SQL text. (EXPLAIN ANALYZE, LISTEN
and the clock tell of hidden rows in any PostgreSQL, for whoever has a session to ask them in.)
"""

import hashlib
import hmac
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from db.session import Session
from db.statements import statement
from engine.viewer import ANONYMOUS, NOBODY_ID, Viewer
from tests.reading import query

TABLES = ("collections", "templates", "batches", "generations", "images")
LOCKS = ("update", "no key update", "share", "key share")
CHANGES = {
    "collections": "name = 'taken'",
    "batches": "title = 'taken', favorite = true",
    "generations": "name = 'taken'",
    "images": "name = 'taken', deleted_at = now()",
}
LINKS = (
    ("templates", "collection_id"),
    ("batches", "collection_id"),
    ("batches", "regenerated_from"),
    ("generations", "batch_id"),
    ("generations", "collection_id"),
    ("images", "batch_id"),
    ("images", "generation_id"),
    ("images", "collection_id"),
)
SECRETS = (
    "studio.attempts",
    "studio.idempotency_keys",
    "studio.migrations",
    "studio.rates",
    "studio.turns",
    "pgq.pgqueuer",
    "pgq.pgqueuer_log",
)

# Keys that lead, or might lead, out of ben's own folder.
ROUNDABOUT = (
    "{ada}/0.png",
    "{ben}/../{ada}/0.png",
    "{ben}/..",
    "{ben}/./0.png",
    "{ben}//0.png",
    "{ben}/%2e%2e/{ada}/0.png",
    "{ben}/..%2f{ada}/0.png",
    "{ben}\\..\\{ada}\\0.png",
    "{ben}/x?expires=1&signature=x",
    "{ben}/0.png#",
    "{ben}/0.png\n",
    " {ben}/0.png",
    "/{ben}/0.png",
    "{ben}0.png",
    "{ben}/",
    "{ben}",
    "",
    "https://example.com/{ada}/0.png",
)


def insertion(viewer: Viewer, table: str, **given: Any) -> tuple[str, list[Any]]:
    """The statement for a row that is good but for what is given, and its parameters."""
    needed: dict[str, dict[str, Any]] = {
        "collections": {"name": "x"},
        "templates": {"position": 0, "name": "x", "prompt": "x"},
        "batches": {"title": "x", "model": "demo", "total": 1},
        "generations": {"template_name": "x", "name": "x", "prompt": "x", "model": "demo", "seed": 1},
        "images": {
            "name": "x",
            "prompt": "x",
            "model": "demo",
            "url": f"{viewer.user_id}/0.png",
            "output": 1,
        },
    }
    row = needed[table] | given
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    return f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values())


async def refusal(connection: asyncpg.Connection, statement: str, *parameters: Any) -> str:
    """How the database refuses this, with ids taken out of it; fails where it does not."""
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with Session(connection).savepoint():
            await connection.execute(statement, *parameters)
    error = caught.value
    said = f"{type(error).__name__} {error} {error.constraint_name}"
    for value in parameters:
        said = said.replace(str(value), "ID") if isinstance(value, UUID) else said
    return said


@pytest.fixture
def hers(house):
    """The id of ada's row by its table or by the column that refers to it."""
    found = {table: getattr(house, "batch" if table == "batches" else table[:-1]) for table in TABLES}
    referred = {f"{name}_id": getattr(house, name) for name in ("collection", "batch", "generation")}
    return found | referred | {"regenerated_from": house.batch}


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_of_anothers_cannot_be_read(table, house, hers):
    async with house.as_(house.ben) as ben:
        assert not await ben.fetch(f"select from {table} where id = $1", hers[table])
        assert not await ben.fetch(f"select from {table} where user_id = $1", house.ada.user_id)


@pytest.mark.parametrize("table", CHANGES)
@pytest.mark.parametrize("strength", LOCKS)
async def test_a_row_of_anothers_cannot_be_locked(table, strength, house, hers):
    async with house.as_(house.ben) as ben:
        assert not await ben.fetch(f"select from {table} where id = $1 for {strength}", hers[table])


@pytest.mark.parametrize("table", CHANGES)
async def test_a_row_of_anothers_cannot_be_changed(table, house, hers):
    async with house.as_(house.ben) as ben:
        changed = await ben.execute(f"update {table} set {CHANGES[table]} where id = $1", hers[table])
    assert changed == "UPDATE 0"


@pytest.mark.parametrize("table", ["collections", "templates"])
async def test_a_row_of_anothers_cannot_be_deleted(table, house, hers):
    async with house.as_(house.ben) as ben:
        assert await ben.execute(f"delete from {table} where id = $1", hers[table]) == "DELETE 0"


async def test_a_change_of_everything_changes_ones_own_alone(house):
    async with house.as_(house.ben) as ben:
        assert await ben.execute("update collections set name = 'mine'") == "UPDATE 1"
        assert await ben.execute("delete from templates") == "DELETE 1"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("column", ["id", "user_id"])
@pytest.mark.parametrize("ending", ["", "on conflict do nothing", "returning *"])
async def test_a_new_row_names_neither_its_id_nor_its_owner(table, column, ending, house, hers):
    statement = f"insert into {table} ({column}) values ($1) {ending}"
    async with house.as_(house.ben) as ben:
        taken = await refusal(ben, statement, hers[table])
        free = await refusal(ben, statement, uuid4())
    assert taken == free
    assert f"permission denied for table {table}" in taken


@pytest.mark.parametrize(("table", "column"), LINKS)
@pytest.mark.parametrize("ending", ["", "on conflict do nothing", "returning *"])
async def test_a_link_to_a_row_of_anothers_is_refused_like_one_to_no_row(table, column, ending, house, hers):
    async with house.as_(house.ben) as ben:
        statement, row = insertion(house.ben, table, **{column: hers[column]})
        to_hers = await refusal(ben, f"{statement} {ending}", *row)
        to_none = await refusal(ben, f"{statement} {ending}", *row[:-1], uuid4())
    assert to_hers == to_none


@pytest.mark.parametrize(("table", "column"), LINKS)
async def test_the_same_link_to_a_row_of_ones_own_is_made(table, column, house, hers):
    statement, row = insertion(house.ada, table, **{column: hers[column]})
    async with house.as_(house.ada) as ada:
        assert await ada.execute(statement, *row) == "INSERT 0 1"


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "on conflict do nothing",
        "on conflict (generation_id, user_id, output) do nothing",
        "on conflict (generation_id, user_id, output) do update set name = 'taken'",
    ],
)
async def test_whether_anothers_generation_has_an_image_is_never_seen(ending, house):
    statement, row = insertion(house.ben, "images", output=0, generation_id=house.generation)
    async with house.as_(house.ben) as ben:
        with_image = await refusal(ben, f"{statement} {ending}", *row)
        without = await refusal(ben, f"{statement} {ending}", *row[:-1], uuid4())
    assert with_image == without


@pytest.mark.parametrize(
    ("table", "column"), [*LINKS, ("images", "url"), ("images", "user_id"), ("generations", "outputs")]
)
async def test_links_owners_and_keys_never_change(table, column, house):
    async with house.as_(house.ben) as ben:
        assert "permission denied" in await refusal(ben, f"update {table} set {column} = null")


@pytest.mark.parametrize("column", ["url", "thumbnail_url"])
@pytest.mark.parametrize("key", ROUNDABOUT)
async def test_a_key_outside_ones_own_folder_is_not_stored(column, key, house):
    key = key.format(ada=house.ada.user_id, ben=house.ben.user_id)
    statement, row = insertion(house.ben, "images", **{column: key})
    async with house.as_(house.ben) as ben:
        assert (await refusal(ben, statement, *row)).startswith("CheckViolationError")


@pytest.mark.parametrize("table", ["batches", "generations", "images"])
@pytest.mark.parametrize("reference", ["{ada}/0.png", "{ben}/../{ada}/0.png", "file:///etc/passwd", "0.png"])
async def test_a_reference_is_a_web_address_or_ones_own_upload(table, reference, house):
    reference = reference.format(ada=house.ada.user_id, ben=house.ben.user_id)
    statement, row = insertion(house.ben, table, reference_url=reference)
    async with house.as_(house.ben) as ben:
        assert (await refusal(ben, statement, *row)).endswith("own_reference")
        assert await ben.execute(statement, *row[:-1], f"{house.ben.user_id}/uploads/0.png")


async def test_a_user_does_not_write_outputs(house):
    statement, row = insertion(house.ben, "generations", outputs=[f"{house.ada.user_id}/0.png"])
    async with house.as_(house.ben) as ben:
        assert "permission denied" in await refusal(ben, statement, *row)


async def test_only_the_stored_key_is_signed(house, new_image):
    signer = ["/files/", "?signature=", "00" * 64, "00" * 64]
    async with house.database.session(house.ben) as session:
        image = await new_image(session, reference_url=f"https://example.com/{house.ada.user_id}/0.png")
        read, bound = query(f'{{ image(id: "{image}") {{ url thumbnailUrl }} }}')
        ((row,),) = await session.read(read, replace(bound, named={"signer": signer}))
    for address in orjson.loads(row).values():
        assert address.startswith(f"/files/{house.ben.user_id}/")


async def test_a_signature_is_worth_what_its_keys_are(house):
    """RFC 2104 over two keys that are no rows of the database and only ever parameters."""
    key, inner, outer = f"{house.ada.user_id}/0.png", bytes(range(64)), bytes(range(64, 128))
    signed = "select studio.signed_address($1, $2)"
    async with house.as_(house.ben) as ben:
        address = await ben.fetchval(signed, key, ["/files/", "?signature=", inner.hex(), outer.hex()])
        guessed = await ben.fetchval(signed, key, ["/files/", "?signature=", "00" * 64, "00" * 64])
    digest = hashlib.sha256(
        outer + hashlib.sha256(inner + b"?signature=" + key.encode()).digest()
    ).hexdigest()
    assert address == f"/files/{key}?signature={digest}"
    assert not hmac.compare_digest(guessed, address)


@pytest.mark.parametrize("table", SECRETS)
async def test_the_services_own_tables_cannot_be_touched(table, house):
    async with house.as_(house.ben) as ben:
        for sentence in (
            f"select from {table}",
            f"delete from {table}",
            f"insert into {table} default values",
        ):
            assert "permission denied" in await refusal(ben, sentence)


async def test_the_ledger_of_migrations_cannot_be_asked_for(house):
    async with house.as_(house.ben) as ben:
        assert "permission denied" in await refusal(ben, statement("applied_versions"))


async def test_statistics_of_columns_tell_nothing(house, catalog):
    await catalog.execute("analyze")
    async with house.as_(house.ben) as ben:
        assert not await ben.fetch("select from pg_stats where tablename = any($1)", TABLES)


@pytest.mark.parametrize(
    ("field", "table"),
    [
        ("batch", "batches"),
        ("collection", "collections"),
        ("generation", "generations"),
        ("image", "images"),
        *[("node", table) for table in ("batches", "collections", "templates", "generations", "images")],
    ],
)
async def test_what_is_read_by_its_id_is_not_there_for_a_stranger(field, table, house, hers):
    read, bound = query(f'{{ {field}(id: "{hers[table]}") {{ id }} }}')
    async with house.database.session(house.ben) as session:
        assert [tuple(row) for row in await session.read(read, bound)] == [(None,)]
    async with house.database.session(house.ada) as session:
        ((row,),) = await session.read(read, bound)
        assert orjson.loads(row) == {"id": str(hers[table])}


@pytest.mark.parametrize("name", ["batches_by_id", "collections_by_id", "templates_of_collections"])
async def test_the_services_own_statements_tell_a_stranger_nothing(name, house, hers):
    key = hers["batches" if name == "batches_by_id" else "collections"]
    async with house.as_(house.ben) as ben:
        assert not await ben.fetch(statement(name), [key])
    async with house.as_(house.ada) as ada:
        assert await ada.fetch(statement(name), [key])


@pytest.fixture
def shared(house):
    """Ids of a shared collection and of one of its templates, which everybody may see."""
    return {"collections": house.shared, "templates": UUID(int=house.shared.int + 1)}


@pytest.mark.parametrize("table", ["collections", "templates"])
@pytest.mark.parametrize("whose", ["ada", "anonymous"])
async def test_what_is_shared_is_read_by_everybody(table, whose, house, shared):
    async with house.as_(house.ada if whose == "ada" else ANONYMOUS) as connection:
        assert await connection.fetch(f"select from {table} where id = $1", shared[table])


@pytest.mark.parametrize("table", ["collections", "templates"])
async def test_what_is_shared_is_deleted_by_nobody(table, house, shared):
    delete = f"delete from {table} where id = $1"
    async with house.as_(house.ada) as ada:
        assert await ada.execute(delete, shared[table]) == "DELETE 0"
    async with house.as_(ANONYMOUS) as anonymous:
        assert "permission denied" in await refusal(anonymous, delete, shared[table])
    async with house.as_worker() as worker:
        assert "permission denied" in await refusal(worker, delete, shared[table])


async def test_a_shared_collection_is_changed_by_nobody(house):
    update = "update collections set name = 'taken' where id = $1"
    async with house.as_(house.ada) as ada:
        assert await ada.execute(update, house.shared) == "UPDATE 0"
    async with house.as_worker() as worker:
        assert "permission denied" in await refusal(worker, update, house.shared)


async def test_no_template_is_added_to_a_shared_collection(house):
    statement, row = insertion(house.ada, "templates", collection_id=house.shared)
    async with house.as_(house.ada) as ada:
        assert (await refusal(ada, statement, *row)).startswith("ForeignKeyViolationError")


async def test_a_batch_of_a_shared_collection_is_ones_own(house):
    statement, row = insertion(house.ada, "batches", collection_id=house.shared)
    async with house.as_(house.ada) as ada:
        assert await ada.fetchval(f"{statement} returning user_id", *row) == house.ada.user_id


@pytest.mark.parametrize("table", TABLES)
async def test_the_nil_uuid_is_nobody(table, house):
    nobody = Viewer(user_id=NOBODY_ID, role="authenticated")
    statement, row = insertion(nobody, table)
    async with house.as_(nobody) as connection:
        assert await connection.fetchval(f"select count(*) from {table} where user_id <> $1", NOBODY_ID) == 0
        assert await refusal(connection, statement, *row)
        if table in CHANGES:
            assert await connection.execute(f"update {table} set {CHANGES[table]}") == "UPDATE 0"


async def test_the_worker_adds_nothing_but_what_is_shared(house):
    insert = "insert into collections (user_id, name) values ($1, 'x')"
    async with house.as_worker() as worker:
        assert "row-level security" in await refusal(worker, insert, house.ada.user_id)
        assert await worker.execute(insert, NOBODY_ID) == "INSERT 0 1"


@pytest.mark.parametrize("table", TABLES)
async def test_the_anonymous_see_none_of_a_users_rows(table, house):
    async with house.as_(ANONYMOUS) as anonymous:
        assert not await anonymous.fetch(f"select from {table} where user_id = $1", house.ada.user_id)
