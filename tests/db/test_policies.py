"""What each role may do with each table: by the catalogs, and really tried."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

ROLES = ("anon", "authenticated", "studio_worker", "studio_nobody", "studio_app")

# s elect, i nsert, u pdate, d elete; studio_app is the login itself, without a role.
RIGHTS = """
                           anon  authenticated  studio_worker  studio_nobody  studio_app
public.collections         s     siud           si             -              -
public.templates           s     sid            i              -              -
public.batches             s     siu            sud            -              -
public.generations         s     siu            sud            -              -
public.images              s     siu            sd             -              -
studio.attempts            -     -              siud           -              -
studio.turns               -     -              siud           -              -
studio.rates               -     -              siud           -              -
studio.idempotency_keys    -     -              siud           -              -
studio.kept_references     -     -              siud           -              -
studio.doomed_files        -     -              siud           -              -
studio.migrations          -     -              -              -              -
pgq.pgqueuer               -     -              siud           -              -
pgq.pgqueuer_log           -     -              siud           -              -
pgq.pgqueuer_schedules     -     -              siud           -              -
pgq.pgqueuer_statistics    -     -              siud           -              -
"""
VERBS = {"s": "select", "i": "insert", "u": "update", "d": "delete"}
OTHER_RIGHTS = ("truncate", "references", "trigger")

INSERTS = {
    ("authenticated", "collections"): "name description",
    ("authenticated", "templates"): "collection_id position name prompt model parameters",
    ("authenticated", "batches"): (
        "title collection_id model reference_url parameters variables tags regenerated_from total seq"
    ),
    ("authenticated", "generations"): (
        "batch_id collection_id reference_url position template_id template_name name prompt model "
        "parameters seed seq"
    ),
    ("authenticated", "images"): (
        "generation_id output collection_id batch_id position name prompt url thumbnail_url reference_url "
        "model parameters seed placeholder width height content_type byte_size checksum deleted_at"
    ),
    ("studio_worker", "collections"): "id user_id name description",
    ("studio_worker", "templates"): "id user_id collection_id position name prompt model parameters",
}
UPDATES = {
    ("authenticated", "collections"): "name description",
    ("authenticated", "batches"): "title favorite tags deleted_at images_kept",
    ("authenticated", "generations"): "name",
    ("authenticated", "images"): "name favorite deleted_at",
    ("studio_worker", "batches"): (
        "seq paused canceling running succeeded failed canceled saved unsaved started_at finished_at "
        "touched_at reference_key"
    ),
    ("studio_worker", "generations"): (
        "status progress attempts faults saves saved outputs error_code error_message error_retryable "
        "retry_at seq started_at finished_at admitted round cancel_asked reference_key"
    ),
}


def rights() -> dict[tuple[str, str], str]:
    """The table above by (role, table)."""
    head, *lines = [line.split() for line in RIGHTS.strip().splitlines()]
    return {
        (role, table): cell.strip("-")
        for table, *cells in lines
        for role, cell in zip(head, cells, strict=True)
    }


@pytest.fixture
async def superuser(house, cluster) -> AsyncIterator[asyncpg.Connection]:
    """In the house, in a transaction that is undone."""
    name = urlsplit(house.login).path.strip("/")
    connection = await asyncpg.connect(cluster.superuser_url, database=name)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture
async def login(house) -> AsyncIterator[asyncpg.Connection]:
    """The service's login in a transaction of its own, with no role taken."""
    connection = await asyncpg.connect(house.login)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def may(connection: asyncpg.Connection, statement: str) -> bool:
    """False where a right is missing; whatever else is wrong with the statement comes after that."""
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        return "permission denied" not in str(error)
    except asyncpg.IntegrityConstraintViolationError:
        return True
    return True


async def a_column(connection: asyncpg.Connection, role: str, table: str) -> str:
    """One that the role may update, if there is any."""
    return await connection.fetchval(
        """select quote_ident(attname) from pg_attribute
           where attrelid = to_regclass($2) and attnum > 0 and attgenerated = '' and attidentity = ''
           order by has_column_privilege($1, attrelid, attnum, 'update') desc, attnum limit 1""",
        role,
        table,
    )


@pytest.mark.parametrize(("role", "table"), rights())
async def test_the_catalogs_give_a_role_its_rights_and_no_others(role, table, catalog):
    verbs = await catalog.fetch(
        """select verb, verb <> 'delete' and has_any_column_privilege($1, $2::regclass, verb)
                     or has_table_privilege($1, $2::regclass, verb) as given
           from unnest($3::text[]) as verb""",
        role,
        table,
        list(VERBS.values()),
    )
    assert "".join(row["verb"][0] for row in verbs if row["given"]) == rights()[role, table]


@pytest.mark.parametrize(("role", "table"), rights())
async def test_a_role_can_do_what_it_may_and_no_more(role, table, login, catalog):
    column = await a_column(catalog, role, table)
    tries = {
        "s": f"select from {table} limit 1",
        "i": f"insert into {table} default values",
        "u": f"update {table} set {column} = default where false",
        "d": f"delete from {table} where false",
    }
    if role != "studio_app":
        await login.execute(f"set local role {role}")
    assert "".join([verb for verb in tries if await may(login, tries[verb])]) == rights()[role, table]


@pytest.mark.parametrize("role", [*ROLES, "public"])
async def test_nobody_may_truncate_refer_or_hang_triggers(role, catalog):
    given = await catalog.fetch(
        """select relname, privilege_type
           from pg_class join pg_namespace n on n.oid = relnamespace, aclexplode(relacl)
           where nspname in ('public', 'studio', 'pgq') and relkind = 'r'
             and grantee = coalesce((select oid from pg_roles where rolname = $1), 0)
             and lower(privilege_type) not in ('select', 'insert', 'update', 'delete')""",
        role,
    )
    assert given == []


@pytest.mark.parametrize(("verb", "wanted"), [("insert", INSERTS), ("update", UPDATES)])
async def test_columns_are_granted_one_by_one(verb, wanted, catalog):
    rows = await catalog.fetch(
        """select rolname, relname, string_agg(attname, ' ' order by attname) as columns
           from pg_roles, pg_class c join pg_attribute on attrelid = c.oid
           where rolname = any($1) and relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0
             and has_column_privilege(rolname, c.oid, attnum, $2)
           group by rolname, relname""",
        ROLES,
        verb,
    )
    found = {(row["rolname"], row["relname"]): row["columns"] for row in rows}
    assert found == {key: " ".join(sorted(columns.split())) for key, columns in wanted.items()}


async def test_the_request_roles_may_call_only_what_policies_and_reading_need(catalog):
    rows = await catalog.fetch(
        """select distinct proname from pg_proc, unnest('{anon,authenticated,public}'::text[]) as role
           where pronamespace in ('public'::regnamespace, 'studio'::regnamespace, 'pgq'::regnamespace)
             and has_function_privilege(role, pg_proc.oid, 'execute') order by 1"""
    )
    assert [row["proname"] for row in rows] == [
        "batches_with",
        "current_user_id",
        "cursor",
        "download_address",
        "feed",
        "is_key_of",
        "is_reference_of",
        "new_id",
        "reference_address",
        "search_all",
        "search_words",
        "signed_address",
        "trash_ends",
        "usage",
    ]


async def test_only_who_may_be_the_worker_can_feed(superuser, house):
    """Whoever comes by another gateway to the same database, with the request role alone, can not."""
    await superuser.execute("create role gateway noinherit; grant authenticated to gateway")
    await superuser.execute("set session authorization gateway; set role authenticated")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="set role"):
        await superuser.fetch("select studio.feed($1, 0)", house.ada.user_id)


async def test_the_login_inherits_nothing_and_has_no_attributes(catalog):
    row = await catalog.fetchrow("select * from pg_roles where rolname = 'studio_app'")
    assert not any(
        row[name] for name in ("rolinherit", "rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb")
    )


async def test_the_login_owns_nothing(catalog):
    query = "select count(*) from pg_class join pg_roles r on r.oid = relowner where rolname = 'studio_app'"
    assert await catalog.fetchval(query) == 0
