-- name: insert_batch
-- A batch and its images: $10 is a JSON object of columns, of each prompt in order and of whatever is not null throughout;
-- each prompt $11 times. Their insertion counts as the first changes: each gets a place before every later one. A
-- collection may be gone since it was read.
with batch as (
    insert into batches (
        title, collection_id, model, reference_url, parameters, variables, tags, total, seq, regenerated_from
    )
    values (
        $1, (select id from collections where id = $2), $3, $4, $5, $6, $7, $8::integer, $8::integer, $9
    )
    returning id, user_id, model, parameters
), made as (
    insert into generations (batch_id, position, template_id, template_name, name, model, parameters, seed, prompt, seq)
    select b.id, place, p.template_id::uuid, p.template_name, coalesce(p.name, p.template_name),
           coalesce(p.model, b.model), coalesce(nullif(p.parameters, 'null'), b.parameters),
           coalesce(p.seed::bigint, floor(random() * 2147483648)::bigint), p.prompt, place + 1
    from batch b,
         rows from (
            jsonb_array_elements_text($10::jsonb -> 'prompt'),
            jsonb_array_elements_text($10::jsonb -> 'template_id'),
            jsonb_array_elements_text($10::jsonb -> 'template_name'),
            jsonb_array_elements_text($10::jsonb -> 'name'),
            jsonb_array_elements_text($10::jsonb -> 'model'),
            jsonb_array_elements($10::jsonb -> 'parameters'),
            jsonb_array_elements_text($10::jsonb -> 'seed')
         ) with ordinality as p (prompt, template_id, template_name, name, model, parameters, seed, number),
         generate_series(1, $11) as variant,
         lateral (select ((number - 1) * $11 + variant - 1)::integer) as g (place)
)
select id, user_id from batch

-- name: batches_by_id
select * from batches where id = any($1::uuid[])

-- name: batch_seqs
-- The caller's batches that are not finished or have been for less than a minute, those of long ago or in the trash
-- that the caller has touched within it, and those of $1. Of a batch not known yet, what is past `since` is news.
-- The indexes serve under a policy only what is leakproof: CASE, which coalesce is not, and a moment that is there
-- beforehand.
select id, seq, total as since, true as is_recent from batches
where user_id = (select studio.current_user_id())
  and deleted_at is null
  and case when finished_at is null then 'infinity' else finished_at end > (select now() - interval '1 minute')
union all
select id, seq, seq - 1, true from batches
where user_id = (select studio.current_user_id())
  and touched_at > (select now() - interval '1 minute')
  and (deleted_at is not null or finished_at <= now() - interval '1 minute')
union all
select id, seq, total, false from batches
where id = any($1::uuid[])
  and deleted_at is null
  and finished_at <= now() - interval '1 minute'
  and (touched_at > now() - interval '1 minute') is not true

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
        select coalesce(sum(seq), 0) from batches
        where user_id = known.id and touched_at > (select now() - interval '1 minute')
    ) + (
        select coalesce(sum(xmin::text::bigint), 0) from generations
        where user_id = known.id
          and batch_id is null
          and case when finished_at is null or retry_at is not null then 'infinity' else finished_at end
            > (select now() - interval '1 minute')
    ) as pulse
) now
where now.pulse::bigint is distinct from known.pulse
