-- name: insert_generation
insert into generations (collection_id, reference_url, template_name, name, prompt, model, parameters, seed)
values ((select id from collections where id = $1), $2, $3, $4, $5, $6, $7, coalesce($8, floor(random() * 2147483648)::bigint))
returning *, null::uuid as image_id, null::text as image_url

-- name: generations_to_repeat
select id, template_id, template_name, name, prompt, model, parameters, status from generations
where user_id = (select studio.current_user_id()) and batch_id = $1
order by position, id

-- name: generations_for_work
-- all that a job needs to know of a generation: what a batch's generations share is taken from the batch,
-- the call is the one of this round whose run is known, or else the latest
select g.*, coalesce(b.paused, false) as paused,
       coalesce(g.collection_id, b.collection_id) as work_collection_id,
       coalesce(g.reference_url, b.reference_url) as work_reference_url,
       coalesce(g.reference_key, b.reference_key) as work_reference_key,
       a.id as attempt_id, a.prediction_id, a.outcome, a.input, a.created_at as asked_at,
       (select count(*) from studio.attempts m
        where m.generation_id = g.id and m.round = g.round and m.outcome in ('not_taken', 'absent')) as misses
from generations g
left join batches b on b.id = g.batch_id
left join lateral (
    select * from studio.attempts
    where generation_id = g.id and round = g.round
    order by prediction_id is null, number desc limit 1
) a on true
where g.id = any($1::uuid[])

-- name: lock_batch_of_generations
-- A statement of its own before change_generations, which then sees what this one has locked. In one statement the
-- update would begin at the row as it was before the lock; while a foreign key's lock is held on that old version,
-- it would wait for whoever waits there for us.
select from batches
where id = (select batch_id from generations where id = any($1::uuid[]) limit 1)
for no key update

-- name: change_generations
-- The one way in which generations change: fenced by the states they may come from ($2), counted in their batch
-- and stamped with its next seqs, in the batch's own order. $1 are generations of one batch, or a single one of
-- none. No row comes back for one that the fence held.
-- What is saved, or given up, stays so: after a success only a save that is due, or has worked after all, counts; and
-- one that is made due again, which is no try of its own ($12).
-- The batch is locked before, by lock_batch_of_generations.
with parent as materialized (
    select b.* from batches b
    where b.id = (select batch_id from generations where id = any($1::uuid[]) limit 1)
), was as materialized (
    select g.id, g.batch_id, g.status, g.saved, g.position,
           g.status = 'SUCCEEDED' and not g.saved and g.retry_at is not null as unsaved
    from generations g
    where g.id = any($1::uuid[])
      and g.status = any($2::text[])
      and (g.status <> 'SUCCEEDED' or not g.saved and (g.retry_at is not null or $4::boolean or $12::integer = 0))
      and (g.batch_id is null or exists (select from parent))
    for no key update
), numbered as (
    select was.*, row_number() over (order by was.position, was.id) as number, count(*) over () as count from was
), now_is (status, saved, unsaved) as (
    values (
        $3::text, $4::boolean,
        $3::text = 'SUCCEEDED' and not $4::boolean and $8::timestamptz is not null
    )
), delta as (
    select
        was.batch_id,
        count(*) as changed,
        sum((n.status in ('RUNNING', 'SAVING'))::int - (was.status in ('RUNNING', 'SAVING'))::int) as running,
        sum((n.status = 'SUCCEEDED')::int - (was.status = 'SUCCEEDED')::int) as succeeded,
        sum((n.status = 'FAILED')::int - (was.status = 'FAILED')::int) as failed,
        sum((n.status = 'CANCELED')::int - (was.status = 'CANCELED')::int) as canceled,
        sum(n.saved::int - was.saved::int) as saved,
        sum(n.unsaved::int - was.unsaved::int) as unsaved,
        bool_or(n.status = 'QUEUED') as again
    from was, now_is n
    where was.batch_id is not null
    group by was.batch_id
), counted as (
    update batches b
    set seq         = p.seq + d.changed,
        running     = p.running + d.running,
        succeeded   = p.succeeded + d.succeeded,
        failed      = p.failed + d.failed,
        canceled    = p.canceled + d.canceled,
        saved       = p.saved + d.saved,
        unsaved     = p.unsaved + d.unsaved,
        canceling   = p.canceling and not d.again,
        started_at  = case when d.running > 0 then coalesce(p.started_at, now()) else p.started_at end,
        finished_at = case
            when p.total = p.succeeded + p.failed + p.canceled + d.succeeded + d.failed + d.canceled
             and p.unsaved + d.unsaved = 0 then now()
        end
    from delta d, parent p
    where b.id = d.batch_id and p.id = d.batch_id
    returning b.seq
)
update generations g
set status          = n.status,
    saved           = n.saved,
    error_code      = $5,
    error_message   = $6,
    error_retryable = $7,
    retry_at        = $8,
    progress        = $9,
    outputs         = coalesce((select array_agg(key) from jsonb_array_elements_text($10::jsonb -> g.id::text) as key), g.outputs),
    attempts        = g.attempts + $11,
    saves           = g.saves + $12,
    faults          = case n.status when 'QUEUED' then 0 when 'SAVING' then g.faults + 1 else g.faults end,
    admitted        = g.admitted and n.status <> 'QUEUED',
    cancel_asked    = g.cancel_asked and n.status <> 'QUEUED',
    seq             = coalesce((select seq from counted) - was.count + was.number, 0),
    started_at      = case when n.status = 'RUNNING' then coalesce(g.started_at, now()) else g.started_at end,
    finished_at     = case when n.status in ('SUCCEEDED', 'FAILED', 'CANCELED') then coalesce(g.finished_at, now()) end
from numbered was, now_is n
where g.id = was.id
returning g.id, g.user_id, g.batch_id,
          case when g.retry_at is not null then greatest(0, extract(epoch from g.retry_at - now())) end::float8 as retry_in

-- name: count_fault
-- a try at saving was counted when it began
update generations set faults = faults + (status <> 'SAVING')::int where id = $1 returning faults

-- name: count_saving
-- found half saved: whoever tried it before did not come back
update generations set faults = faults + 1 where id = $1 and status = 'SAVING' returning faults

-- name: forget_faults
update generations set faults = 0 where id = $1

-- name: abandoned_generations
-- What was admitted, is not done and has no job: a worker was stopped half-way. NOT IN is hashed whatever the planner
-- takes the queue's length to be; it grows and shrinks too fast for its statistics.
with unended as (
    select id, user_id, round, model, 'submit' as job from generations
    where admitted and status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING')
    union all
    select id, user_id, round, model, 'save' from generations
    where status = 'SUCCEEDED' and retry_at is not null
)
select * from unended
where id || ':' || round not in (
    select substr(dedupe_key, strpos(dedupe_key, ':') + 1) from pgq.pgqueuer
    where status in ('queued', 'picked')
      and entrypoint in ('submit', 'submit_rated', 'collect', 'save')
      and dedupe_key is not null
)
limit 500

-- name: unfed_users
-- whose waiting work has no job that admits it; from one user to the next by the index, however much waits
with recursive waiting (user_id) as (
    (select user_id from generations where status = 'QUEUED' and not admitted order by user_id limit 1)
    union all
    select (
        select user_id from generations
        where status = 'QUEUED' and not admitted and user_id > waiting.user_id
        order by user_id limit 1
    )
    from waiting
    where user_id is not null
)
select user_id from waiting
cross join lateral (
    select from generations g
    left join batches b on b.id = g.batch_id
    where g.user_id = waiting.user_id and g.status = 'QUEUED' and not g.admitted and not coalesce(b.paused, false)
    limit 1
) unpaused
where 'feed:' || user_id not in (
    select dedupe_key from pgq.pgqueuer
    where status in ('queued', 'picked') and entrypoint = 'feed' and dedupe_key is not null
)
limit 500

-- name: single_versions
-- the caller's generations of no batch that are under way or ended within the last minute, and those of $1;
-- any change of a row gives it another version
select id, xmin::text as version, true as is_recent from generations
where user_id = (select studio.current_user_id())
  and batch_id is null
  and case when finished_at is null or retry_at is not null then 'infinity' else finished_at end
    > (select now() - interval '1 minute')
union all
select id, xmin::text, false from generations
where id = any($1::uuid[])
  and retry_at is null
  and finished_at <= now() - interval '1 minute'
