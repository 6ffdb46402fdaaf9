-- Words to find old work by. 'simple' takes every language alike and leaves nothing out. No GIN index: under a policy
-- PostgreSQL uses an index only for what is leakproof, which @@ is not. A search reads the rows of its user alone, by
-- their indexes, and these columns spare it the parsing.
alter table public.batches add column words tsvector not null
    generated always as (to_tsvector('simple', title)) stored;
alter table public.generations add column words tsvector not null
    generated always as (to_tsvector('simple', prompt)) stored;
alter table public.images add column words tsvector not null
    generated always as (to_tsvector('simple', name || ' ' || prompt)) stored;
alter table public.collections add column words tsvector not null
    generated always as (to_tsvector('simple', name || ' ' || description)) stored;

comment on column public.batches.words is 'Of the title, for search.';
comment on column public.generations.words is 'Of the prompt, for search.';
comment on column public.images.words is 'Of the name and the prompt, for search.';
comment on column public.collections.words is 'Of the name and the description, for search.';

create function studio.search_words(search text) returns tsquery[]
language sql immutable parallel safe
set search_path = ''
return (
    select array_agg((quote_literal(replace(lexeme, E'\\', '')) || ':*')::pg_catalog.tsquery)
    from pg_catalog.unnest(pg_catalog.to_tsvector('simple', search))
);
comment on function studio.search_words(text) is
    'A query for each word that is looked for, whole or its beginning; null where there is none.';

create function studio.search_all(search text) returns tsquery
language sql immutable parallel safe
set search_path = ''
return (
    select string_agg(word::text, ' & ')::pg_catalog.tsquery
    from pg_catalog.unnest(studio.search_words(search)) as word
);
comment on function studio.search_all(text) is 'A query for all of the words at once; null where there is none.';

-- Each word may be in another place: one in the title, the next in a prompt.
create function studio.batches_with(search text) returns setof uuid
language sql stable parallel safe
set search_path = ''
as $$
    with word as materialized (
        select query, number from pg_catalog.unnest(studio.search_words(search)) with ordinality as word (query, number)
    ), found as (
        select b.id, word.number from public.batches b, word
        where b.user_id = (select studio.current_user_id()) and b.words @@ word.query
        union
        select g.batch_id, word.number from public.generations g, word
        where g.user_id = (select studio.current_user_id()) and g.batch_id is not null and g.words @@ word.query
        union
        select b.id, word.number from public.collections c
        join word on to_tsvector('simple', c.name) @@ word.query
        join public.batches b on b.collection_id = c.id
        where b.user_id = (select studio.current_user_id())
    )
    select id from found
    group by id
    having count(*) = (select count(*) from word)
$$;
comment on function studio.batches_with(text) is
    'The caller''s batches that have each of the words in the title, a prompt or the collection''s name.';

revoke all on function studio.search_words(text), studio.search_all(text), studio.batches_with(text) from public;
grant execute on function studio.search_words(text), studio.search_all(text), studio.batches_with(text)
    to anon, authenticated, studio_worker;

-- Lists of a collection, in their orders; the collection comes first for its foreign key.
drop index public.batches_by_collection;
drop index public.images_by_collection;
create index batches_by_collection on public.batches (collection_id, user_id, created_at desc, id desc)
    where collection_id is not null;
create index images_by_collection on public.images (collection_id, user_id, batch_id, position, id)
    where collection_id is not null;

-- The trash, which is small, in a history that is not.
create index batches_in_trash on public.batches (user_id, created_at desc, id desc) where deleted_at is not null;
create index images_in_trash on public.images (user_id, created_at desc, id desc) where deleted_at is not null;
