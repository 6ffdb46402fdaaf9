"""The runner of migrations, on databases of every kind it may meet."""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from db.connect import DatabaseUnusableError
from db.migrate import FOLDER, EditedMigrationError, MigrationError, migrate, our_migrations, pending
from db.samples import add_samples
from db.session import open_database
from engine.viewer import ANONYMOUS
from server.embedded import EmbeddedPostgres, embedded_postgres

ALL = [each.name for each in our_migrations()]
names = count()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the migrations that a test may edit."""
    return Path(shutil.copytree(FOLDER, tmp_path / "migrations"))


async def ask(url: str, query: str, *parameters: object) -> list[tuple]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query, *parameters)]
    finally:
        await connection.close()


async def run(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


def as_login(url: str, *, user: str | None = None, database: str | None = None) -> str:
    """The same server's address for another login, whose password is its name, or another database."""
    parts = urlsplit(url)
    login = f"{user}:{user}@" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=login, path=f"/{database}" if database else parts.path))


async def test_everything_is_applied_once_and_in_order(empty_urls):
    assert await migrate(empty_urls.owner, empty_urls.login) == ALL
    assert await migrate(empty_urls.owner, empty_urls.login) == []


async def test_pending_tells_and_changes_nothing(empty_urls):
    assert await pending(empty_urls.owner) == ALL
    assert await pending(empty_urls.owner) == ALL
    assert not await ask(empty_urls.owner, "select from pg_namespace where nspname = 'studio'")


async def test_nothing_is_pending_afterwards(empty_urls):
    await migrate(empty_urls.owner, empty_urls.login)
    assert await pending(empty_urls.owner) == []


async def test_three_runners_at_once_apply_everything_once(empty_urls):
    runners = [migrate(empty_urls.owner, empty_urls.login) for _ in range(3)]
    assert sorted(await asyncio.gather(*runners)) == [[], [], ALL]
    assert await ask(empty_urls.owner, "select count(*)::int from studio.migrations") == [(len(ALL),)]


async def test_an_edited_file_is_refused(empty_urls, folder):
    await migrate(empty_urls.owner, empty_urls.login, folder)
    edited = folder / f"{ALL[3]}.sql"
    edited.write_text(edited.read_text() + "-- an afterthought\n")
    sentence = f"The migration {ALL[3]} was edited after it had been applied; put the file back"
    with pytest.raises(EditedMigrationError, match=sentence):
        await pending(empty_urls.owner, folder)
    with pytest.raises(EditedMigrationError, match=sentence):
        await migrate(empty_urls.owner, empty_urls.login, folder)


async def test_the_line_endings_of_a_checkout_are_no_edit(empty_urls, folder):
    await migrate(empty_urls.owner, empty_urls.login)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert await pending(empty_urls.owner, folder) == []


async def test_versions_of_others_are_none_of_our_business(empty_urls, folder):
    await migrate(empty_urls.owner, empty_urls.login)
    others = "('20990101000000', 'create_future', 'x'), ('v1', 'of_others', 'y')"
    await run(empty_urls.owner, f"insert into studio.migrations values {others}")
    (folder / "notes.sql").write_text("this is no migration")
    assert await migrate(empty_urls.owner, empty_urls.login, folder) == []


async def test_a_new_file_is_applied_to_an_old_database(empty_urls, folder):
    await migrate(empty_urls.owner, empty_urls.login)
    (folder / "20991231000000_add_thing.sql").write_text("create table studio.thing ()")
    assert await migrate(empty_urls.owner, empty_urls.login, folder) == ["20991231000000_add_thing"]


@pytest.mark.parametrize(
    ("last", "complaint"),
    [
        ("select 1 / 0", "division by zero"),
        (
            "insert into studio.migrations values ('20250102000000', 'bad', 'x')",
            'duplicate key value violates unique constraint "migrations_pkey"',
        ),
    ],
)
async def test_a_migration_that_fails_leaves_nothing_half(last, complaint, empty_urls, tmp_path):
    (tmp_path / "20250101000000_add_good.sql").write_text("create table studio.good ()")
    (tmp_path / "20250102000000_add_bad.sql").write_text(f"create table studio.bad (); {last}")

    sentence = f"The migration 20250102000000_add_bad failed: {complaint}."
    with pytest.raises(MigrationError, match=f"^{re.escape(sentence)}$"):
        await migrate(empty_urls.owner, empty_urls.login, tmp_path)

    tables = "select tablename::text from pg_tables where schemaname = 'studio' order by 1"
    assert await ask(empty_urls.owner, tables) == [("good",), ("migrations",)]
    assert await pending(empty_urls.owner, tmp_path) == ["20250102000000_add_bad"]


async def test_a_login_that_cannot_come_in_is_told_before_anything_is_changed(empty_urls):
    with pytest.raises(DatabaseUnusableError, match="password authentication failed"):
        await migrate(empty_urls.owner, as_login(empty_urls.login, user="studio_app"))
    assert await pending(empty_urls.owner) == ALL


async def test_an_owner_who_may_not_is_told_so(empty_urls):
    with pytest.raises(MigrationError, match="may not do what the migrations need: permission denied"):
        await migrate(empty_urls.login, empty_urls.login)


async def test_the_ledger_is_not_for_every_login_to_look_at(empty_urls):
    await migrate(empty_urls.owner, empty_urls.login)
    with pytest.raises(MigrationError, match="permission denied for schema studio"):
        await pending(empty_urls.login)


async def test_a_login_may_be_spelled_another_way_in_its_address(empty_urls):
    parts = urlsplit(empty_urls.login)
    query = f"{parts.query}&user={parts.username}&password={parts.password}"
    login = urlunsplit(parts._replace(netloc="", query=query))
    assert await migrate(empty_urls.owner, login.replace("postgresql:/", "postgresql:///", 1)) == ALL


# From here on, databases in a server of their own: roles belong to a server as a whole.


@pytest.fixture(scope="module")
def bare_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="batch-studio-bare-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def bare(bare_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that has none of our roles."""
    binaries = os.environ.get("BATCH_STUDIO_TEST_POSTGRES")
    async with embedded_postgres(
        bare_folder, binaries=Path(binaries) if binaries else None, settings={"fsync": "off"}
    ) as server:
        yield server


@asynccontextmanager
async def database_of(server: EmbeddedPostgres, owner: str) -> AsyncIterator[str]:
    """A new database of this owner, by the superuser's address."""
    name = f"bare_{next(names)}"
    await run(server.superuser_url, f"create database {name} owner {owner}")
    try:
        yield as_login(server.superuser_url, database=name)
    finally:
        await run(server.superuser_url, f"drop database {name} with (force)")


SUPABASE = """
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role supabase_postgres login password 'supabase_postgres' createrole createdb bypassrls;
    create role supabase_app login password 'supabase_app' noinherit;
    grant anon, authenticated, service_role to supabase_postgres with admin option;
"""
SUPABASE_DATABASE = """
    create schema auth;
    create table auth.users (id uuid primary key);
    grant usage on schema public, auth to anon, authenticated, service_role;
    alter default privileges for role supabase_postgres in schema public
        grant all on tables to anon, authenticated, service_role;
    alter default privileges for role supabase_postgres in schema public
        grant all on functions to anon, authenticated, service_role;
    alter default privileges for role supabase_postgres in schema public
        grant all on sequences to anon, authenticated, service_role;
    create schema supabase_migrations authorization supabase_postgres;
    create table supabase_migrations.schema_migrations (
        version text primary key, statements text[], name text
    );
    alter table supabase_migrations.schema_migrations owner to supabase_postgres;
"""


@pytest.fixture(scope="module")
async def supabase_roles(bare: EmbeddedPostgres) -> None:
    await run(bare.superuser_url, SUPABASE)


@pytest.fixture
async def supabase(bare: EmbeddedPostgres, supabase_roles: None) -> AsyncIterator[str]:
    """The owner's address of a database as Supabase hands one over: its owner is no superuser."""
    async with database_of(bare, "supabase_postgres") as superuser:
        await run(superuser, SUPABASE_DATABASE)
        yield as_login(superuser, user="supabase_postgres")


@pytest.fixture
def supabase_app(supabase: str) -> str:
    """A login of the service's own in it."""
    return as_login(supabase, user="supabase_app")


def statements(sql: str) -> Iterator[str]:
    """One by one, as the Supabase command line sends them: split outside of $$ bodies."""
    bodies = re.split(r"(\$\$.*?\$\$)", sql, flags=re.DOTALL)
    marked = "".join(part.replace(";\n", "; \n") if part.startswith("$$") else part for part in bodies)
    return (part for part in marked.split(";\n") if part.strip())


async def push(url: str) -> None:
    """What `supabase db push` does with our files: a transaction each, and a row in its own ledger."""
    connection = await asyncpg.connect(url)
    for each in our_migrations():
        async with connection.transaction():
            for statement in statements(each.sql):
                await connection.fetch(statement)
            await connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name) values ($1, $2)",
                each.version,
                each.name.partition("_")[2],
            )
    await connection.close()


RIGHTS = """
    with roles as (
        select unnest('{anon,authenticated,studio_worker,studio_nobody,public}'::text[]) as role
    ), schemas as (
        select oid, nspname from pg_namespace where nspname in ('public', 'studio', 'pgq')
    )
    select format('%s: %s on %s', role, verb, nspname)
    from roles, schemas, unnest('{usage,create}'::text[]) as verb where has_schema_privilege(role, oid, verb)
    union all
    select format('%s: %s on %s', role, verb, c.oid::regclass)
    from roles, pg_class c join schemas on schemas.oid = relnamespace,
         unnest('{select,insert,update,delete,truncate,references,trigger}'::text[]) as verb
    where relkind = 'r' and has_table_privilege(role, c.oid, verb)
    union all
    select format('%s: %s on %s.%s', role, verb, c.oid::regclass, attname)
    from roles, pg_class c join schemas on schemas.oid = relnamespace join pg_attribute on attrelid = c.oid,
         unnest('{select,insert,update,references}'::text[]) as verb
    where relkind = 'r' and attnum > 0 and has_column_privilege(role, c.oid, attnum, verb)
    union all
    select format('%s: calls %s', role, p.oid::regprocedure)
    from roles, pg_proc p join schemas on schemas.oid = pronamespace
    where has_function_privilege(role, p.oid, 'execute')
"""


async def rights(url: str) -> set[tuple]:
    return set(await ask(url, RIGHTS))


@pytest.mark.parametrize("way", ["migrate", "push"])
async def test_rights_on_supabase_are_what_they_are_anywhere(way, supabase, supabase_app, urls):
    await (push(supabase) if way == "push" else migrate(supabase, supabase_app))
    found, wanted = await rights(supabase), await rights(urls.owner)
    assert len(wanted) > 200
    assert found == wanted


async def test_what_supabase_has_pushed_is_taken_as_applied(supabase, supabase_app):
    await push(supabase)
    assert await pending(supabase) == []
    assert await migrate(supabase, supabase_app) == []
    async with open_database(supabase_app) as database, database.worker_session() as session:
        assert len(await session.rows("applied_versions")) == len(ALL)


async def test_what_supabase_has_not_pushed_yet_is_applied(supabase, supabase_app, folder):
    await push(supabase)
    (folder / "20991231000000_add_thing.sql").write_text("create table studio.thing ()")
    assert await migrate(supabase, supabase_app, folder) == ["20991231000000_add_thing"]


async def test_a_pushed_database_serves_its_owners_login_at_once(supabase):
    await push(supabase)
    assert await add_samples(supabase) == 2
    async with open_database(supabase) as database, database.session(ANONYMOUS) as session:
        assert await session.connection.fetchval("select count(*) from collections") == 2


@pytest.mark.parametrize("login", ["supabase_postgres", "supabase_app"])
async def test_no_login_sees_past_the_policies(login, supabase, supabase_app, ada, ben, new_collection):
    """The owner's own may bypass policies, as Supabase's does; its connections start as nobody."""
    await migrate(supabase, as_login(supabase, user=login))
    async with open_database(as_login(supabase, user=login)) as database:
        async with database.session(ada) as session:
            await new_collection(session)
        async with database.session(ben) as session:
            assert await session.connection.fetchval("select count(*) from collections") == 0
        async with database.connections.borrowed() as connection:
            assert await connection.fetchval("select current_user") == "studio_nobody"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("select from collections")


async def test_supabases_administrator_reads_everything_and_inserts_nothing(supabase, supabase_app):
    await migrate(supabase, supabase_app)
    await add_samples(supabase)
    connection = await asyncpg.connect(supabase, server_settings={"role": "service_role"})
    assert await connection.fetchval("select count(*) from templates") == 12
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("insert into collections (user_id, name) values (gen_random_uuid(), 'x')")
    await connection.close()


async def test_a_superuser_may_own_it_all(bare, supabase_roles, ada, ben, new_collection):
    async with database_of(bare, "postgres") as superuser:
        assert await migrate(superuser, superuser) == ALL
        async with open_database(superuser) as database:
            async with database.session(ada) as session:
                await new_collection(session)
            async with database.session(ben) as session:
                assert await session.connection.fetchval("select count(*) from collections") == 0


async def test_another_owner_of_another_database_needs_the_roles_granted(bare, supabase, supabase_app):
    await migrate(supabase, supabase_app)
    await run(bare.superuser_url, "create role second login password 'second'")
    async with database_of(bare, "second") as superuser:
        owner = as_login(superuser, user="second")
        with pytest.raises(MigrationError, match="create_roles failed: "):
            await migrate(owner, owner)
        await run(superuser, "grant anon, authenticated, studio_worker, studio_nobody to second")
        assert await migrate(owner, owner) == ALL
