-- name: columns_of_tables
select c.relname as table, a.attname as column
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.oid = any(select to_regclass('public.' || name) from unnest($1::text[]) as name)
  and a.attnum > 0 and not a.attisdropped
