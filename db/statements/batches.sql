-- name: insert_batch
-- The generations' own insertion counts as the first changes: each gets a place before every later one.
insert into batches (
    title, collection_id, model, reference_url, parameters, variables, tags, total, seq, regenerated_from
)
values ($1, $2, $3, $4, $5, $6, $7, $8::integer, $8::integer, $9)
returning id, user_id

-- name: insert_generations
-- of batch $1 the images of the templates in $2, a JSON object of columns: each template's prompts, how many come before
-- them, and whatever is not as with the others; each prompt $3 times
insert into generations (batch_id, position, template_id, template_name, name, model, parameters, seed, prompt, seq)
select b.id, g.place, g.template_id::uuid, g.template_name, coalesce(g.name, g.template_name), coalesce(g.model, b.model),
       coalesce(nullif(g.parameters, 'null'), b.parameters),
       coalesce(g.seed::bigint, floor(random() * 2147483648)::bigint), g.prompt, g.place + 1
from batches b
cross join lateral (
    select t.*, prompt, (t.before::integer + number - 1) * $3::integer + variant - 1 as place
    from rows from (
            jsonb_array_elements_text($2::jsonb -> 'before'),
            jsonb_array_elements($2::jsonb -> 'prompts'),
            jsonb_array_elements_text($2::jsonb -> 'template_id'),
            jsonb_array_elements_text($2::jsonb -> 'template_name'),
            jsonb_array_elements_text($2::jsonb -> 'name'),
            jsonb_array_elements_text($2::jsonb -> 'model'),
            jsonb_array_elements($2::jsonb -> 'parameters'),
            jsonb_array_elements_text($2::jsonb -> 'seed')
         ) as t (before, prompts, template_id, template_name, name, model, parameters, seed),
         jsonb_array_elements_text(t.prompts) with ordinality as p (prompt, number),
         generate_series(1, $3) as variant
) g
where b.id = $1

-- name: batches_by_id
select * from batches where id = any($1::uuid[])

-- name: batch_page
-- newest first, after ($1, $2)
select * from batches
where user_id = (select studio.current_user_id())
  and deleted_at is null
  and (created_at, id) < ($1, $2)
order by created_at desc, id desc
limit $3

-- name: batch_count
select count(*) from batches
where user_id = (select studio.current_user_id()) and deleted_at is null

-- name: batches_of_collections
-- a page of each collection of $1, newest first, after ($2, $3)
select b.*, parent.id as parent_id
from unnest($1::uuid[]) as parent (id)
cross join lateral (
    select * from batches
    where user_id = (select studio.current_user_id())
      and collection_id = parent.id
      and deleted_at is null
      and (created_at, id) < ($2, $3)
    order by created_at desc, id desc
    limit $4
) b
order by parent.id, b.created_at desc, b.id desc

-- name: batch_counts_of_collections
select collection_id as parent_id, count(*) as count from batches
where collection_id = any($1::uuid[]) and deleted_at is null
group by collection_id

-- name: changes_of_batch
-- the batch as it is, in the first row alone, and the generations changed past the cursor $2, oldest change first
select case when row_number() over (order by g.seq) = 1 then b end as batch,
       g.*, studio.signed_address(g.outputs[1], $4) as image_url,
       (select id from images where generation_id = g.id and user_id = g.user_id and output = 0) as image_id
from batches b
left join lateral (
    select * from generations
    where user_id = b.user_id and batch_id = b.id and seq > $2
    order by seq
    limit $3
) g on true
where b.id = $1
order by g.seq

-- name: batch_seqs
-- The caller's batches that are not finished or have been for less than a minute, and those of $1. The index serves
-- under a policy only what is leakproof: CASE, which coalesce is not, and a moment that is there beforehand.
select id, seq, total, true as is_recent from batches
where user_id = (select studio.current_user_id())
  and deleted_at is null
  and case when finished_at is null then 'infinity' else finished_at end > (select now() - interval '1 minute')
union all
select id, seq, total, false from batches
where id = any($1::uuid[])
  and deleted_at is null
  and finished_at <= now() - interval '1 minute'

-- name: moved_topics
-- which of the batches $1 are past the seq of theirs in $2, or gone; and which of the users $3 have something new
-- since they had the pulse in $4, a sum over what batch_seqs and single_versions show
select known.id as topic, b.seq as pulse
from unnest($1::uuid[], $2::bigint[]) as known (id, seq)
left join batches b on b.id = known.id
where b.id is null or b.seq > known.seq
union all
select known.id, now.pulse::bigint
from unnest($3::uuid[], $4::bigint[]) as known (id, pulse)
cross join lateral (
    select (
        select coalesce(sum(seq), 0) from batches
        where user_id = known.id
          and case when finished_at is null then 'infinity' else finished_at end
            > (select now() - interval '1 minute')
    ) + (
        select coalesce(sum(xmin::text::bigint), 0) from generations
        where user_id = known.id
          and batch_id is null
          and case when finished_at is null or retry_at is not null then 'infinity' else finished_at end
            > (select now() - interval '1 minute')
    ) as pulse
) now
where now.pulse::bigint is distinct from known.pulse
