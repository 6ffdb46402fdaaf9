"""All migrations together give the schema in schema.txt, which a reviewer reads beside a migration.

Written anew by: BATCH_STUDIO_WRITE_SCHEMA=1 uv run pytest tests/db/test_schema.py
"""

import os
from pathlib import Path

import asyncpg

SCHEMA = Path(__file__).with_name("schema.txt")
LINES = """
with ours as (
    select oid, oid::regclass::text as name, relname, relnamespace from pg_class
    where relnamespace in ('public'::regnamespace, 'studio'::regnamespace) and relkind = 'r'
), lines (name, kind, line) as (
    select name, 1, format('table %s', name) from ours
    union all
    select name, 2, format('  %s %s%s%s', attname, format_type(atttypid, atttypmod),
        case when attnotnull then ' not null' else '' end,
        case when attgenerated <> '' then ' generated' else ' default ' || pg_get_expr(adbin, adrelid) end)
    from ours
    join pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped
    left join pg_attrdef d on adrelid = ours.oid and adnum = attnum
    union all
    select name, 3, format('  constraint %s %s', conname, pg_get_constraintdef(pg_constraint.oid, true))
    from ours join pg_constraint on conrelid = ours.oid and contype in ('p', 'u', 'f', 'c')
    union all
    select name, 4, '  ' || replace(pg_get_indexdef(indexrelid), 'public.', '')
    from ours join pg_index on indrelid = ours.oid
    where not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
    union all
    select name, 5, format('  policy "%s" for %s to %s', policyname, lower(cmd), roles[1])
        || coalesce(' using ' || regexp_replace(qual, '\\s+', ' ', 'g'), '')
        || coalesce(' check ' || regexp_replace(with_check, '\\s+', ' ', 'g'), '')
    from ours join pg_policies on (schemaname, tablename) = (relnamespace::regnamespace::text, relname)
    union all
    select proname, 6, format('function %s returns %s', oid::regprocedure, prorettype::regtype)
    from pg_proc
    where pronamespace in ('public'::regnamespace, 'studio'::regnamespace)
)
select line from lines order by kind = 6, name, kind, line collate "C"
"""


async def schema(connection: asyncpg.Connection) -> str:
    return "".join(row["line"] + "\n" for row in await connection.fetch(LINES))


async def test_the_migrations_give_the_schema_that_was_reviewed(catalog):
    found = await schema(catalog)
    if os.environ.get("BATCH_STUDIO_WRITE_SCHEMA"):
        SCHEMA.write_text(found)
    assert found == SCHEMA.read_text()
