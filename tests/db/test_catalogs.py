"""The house rules of the schema, checked over the catalogs: a new table cannot forget one."""

import asyncpg
import pytest

CALLER = "( SELECT studio.current_user_id() AS current_user_id)"
REQUEST_ROLES = ("anon", "authenticated")

FOREIGN_KEYS = """
    select conrelid::regclass::text as "table", conname as name, confdeltype, conkey,
           array(
               select attname from pg_attribute where attrelid = conrelid and attnum = any(conkey)
           ) as columns,
           exists (
               select from pg_index
               where indrelid = conrelid
                 and (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
                 and (indpred is null or pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)', (
                         select attname from pg_attribute where attrelid = conrelid and attnum = conkey[1])))
           ) as is_indexed
    from pg_constraint
    where contype = 'f' and connamespace in ('public'::regnamespace, 'studio'::regnamespace)
"""
OURS = "('public'::regnamespace, 'studio'::regnamespace, 'pgq'::regnamespace)"


async def column(catalog: asyncpg.Connection, query: str, *parameters: object) -> list[str]:
    """The first column: the things that break a rule."""
    return [str(row[0]) for row in await catalog.fetch(query, *parameters)]


async def test_every_table_that_anybody_may_touch_is_under_forced_policies(catalog):
    bare = await column(
        catalog,
        """select distinct c.oid::regclass from pg_class c, unnest($1::text[]) as role
           where relnamespace in ('public'::regnamespace, 'studio'::regnamespace)
             and relkind in ('r', 'p', 'v', 'm')
             and not (relrowsecurity and relforcerowsecurity)
             and (has_any_column_privilege(role, c.oid, 'select, insert, update')
                  or has_table_privilege(role, c.oid, 'delete'))""",
        [*REQUEST_ROLES, "studio_worker"],
    )
    assert bare == []


async def test_every_right_has_a_policy_of_its_role_and_every_policy_a_right(catalog):
    odd = await column(
        catalog,
        """with rights as (
               select c.oid, role, verb from pg_class c, unnest($1::text[]) as role,
                      unnest('{select,insert,update,delete}'::text[]) as verb
               where relrowsecurity
                 and (verb <> 'delete' and has_any_column_privilege(role, c.oid, verb)
                      or has_table_privilege(role, c.oid, verb))
           ), policies as (
               select polrelid as oid, rolname::text as role, verb
               from pg_policy, pg_roles, unnest('{select,insert,update,delete}'::text[]) as verb
               where pg_roles.oid = any(polroles)
                 and polcmd in ('*', case verb when 'select' then 'r' when 'insert' then 'a'
                                               when 'update' then 'w' else 'd' end)
           )
           select format('%s: %s may %s', coalesce(r.oid, p.oid)::regclass, coalesce(r.role, p.role),
                         coalesce(r.verb, p.verb))
           from rights r full join policies p using (oid, role, verb)
           where r.oid is null or p.oid is null""",
        [*REQUEST_ROLES, "studio_worker"],
    )
    assert odd == []


async def test_policies_name_their_roles_and_only_ever_permit(catalog):
    odd = "select policyname from pg_policies where 'public' = any(roles) or permissive <> 'PERMISSIVE'"
    assert await column(catalog, odd) == []


async def test_policies_ask_who_calls_once_a_statement(catalog):
    for row in await catalog.fetch("select concat(qual, with_check) as rule from pg_policies"):
        assert "current_user_id()" not in row["rule"].replace(CALLER, "")


async def test_every_foreign_key_has_an_index_that_leads_with_its_columns(catalog):
    assert (
        await column(catalog, f"select f.table || f.name from ({FOREIGN_KEYS}) f where not is_indexed") == []
    )


async def test_every_foreign_key_says_what_a_deletion_does(catalog):
    assert (
        await column(catalog, f"select f.name from ({FOREIGN_KEYS}) f where confdeltype not in ('c', 'n')")
        == []
    )


async def test_whatever_has_an_owner_refers_to_rows_of_the_same_owner(catalog):
    """But for collections, which may be shared: there the policies look."""
    without_owner = await column(
        catalog,
        f"select f.table || '.' || f.columns[1] from ({FOREIGN_KEYS}) f "
        "where not 'user_id' = any(f.columns) and f.table not like 'studio.%' order by 1",
    )
    assert without_owner == ["batches.collection_id", "generations.collection_id", "images.collection_id"]
    policies = await catalog.fetch(
        "select with_check from pg_policies where cmd = 'INSERT' and roles = '{authenticated}' "
        "and tablename in ('batches', 'generations', 'images')"
    )
    assert len(policies) == 3
    assert all("FROM collections" in row["with_check"] for row in policies)


async def test_security_definers_pin_their_search_path(catalog):
    loose = await column(
        catalog,
        f"""select oid::regprocedure from pg_proc
            where pronamespace in {OURS} and prosecdef
              and not 'search_path=""' = any(coalesce(proconfig, '{{}}'))""",
    )
    assert loose == []


async def test_views_would_ask_as_their_caller(catalog):
    loose = await column(
        catalog,
        f"""select oid::regclass from pg_class
            where relnamespace in {OURS} and relkind = 'v'
              and not 'security_invoker=true' = any(coalesce(reloptions, '{{}}'))""",
    )
    assert loose == []


@pytest.mark.parametrize(
    ("catalog_of", "named"),
    [
        ("pg_class", f"relnamespace in {OURS} and relkind in ('r', 'v', 'm')"),
        ("pg_proc", f"pronamespace in {OURS}"),
        ("pg_namespace", "nspname in ('studio', 'pgq')"),
    ],
)
async def test_everything_says_what_it_is(catalog_of, named, catalog):
    silent = (
        f"select x::text from {catalog_of} x where {named} and obj_description(oid, '{catalog_of}') is null"
    )
    assert await column(catalog, silent) == []


@pytest.mark.parametrize("role", ["anon", "authenticated", "studio_worker", "studio_nobody"])
async def test_every_role_says_what_it_is(role, catalog):
    oid = await catalog.fetchval("select oid from pg_roles where rolname = $1", role)
    assert await catalog.fetchval("select shobj_description($1, 'pg_authid')", oid)


async def test_batch_id_is_as_the_story_wants_it(catalog):
    row = await catalog.fetchrow(
        """select format_type(atttypid, null) as type, attnotnull as required,
                  col_description(attrelid, attnum) as comment
           from pg_attribute where attrelid = 'images'::regclass and attname = 'batch_id'"""
    )
    assert (row["type"], row["required"]) == ("uuid", False)
    assert "null for an image made on its own" in row["comment"]
    index = await catalog.fetchval("select pg_get_indexdef('idx_images_batch_id'::regclass)")
    assert index == "CREATE INDEX idx_images_batch_id ON public.images USING btree (batch_id)"


async def test_new_ids_are_of_version_7_and_sort_by_time(catalog):
    first = await catalog.fetchval("select studio.new_id()")
    await catalog.execute("select pg_sleep(0.002)")
    later = [row[0] for row in await catalog.fetch("select studio.new_id() from generate_series(1, 100)")]
    assert all(each.version == 7 and each.variant == first.variant for each in [first, *later])
    assert all(first < each for each in later)
    assert len(set(later)) == 100


async def test_new_ids_hold_the_time(catalog):
    made, now = await catalog.fetchrow(
        "select studio.new_id(), extract(epoch from clock_timestamp())::float8"
    )
    assert abs((made.int >> 80) / 1000 - now) < 1
