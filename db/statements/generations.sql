-- name: insert_generation
insert into generations (collection_id, reference_url, template_name, name, prompt, model, parameters, seed)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning *, null::uuid as image_id, null::text as image_url

-- name: generations_by_id
select g.*, first_image.id as image_id, studio.signed_address(g.outputs[1], $2) as image_url
from generations g
left join images first_image on first_image.generation_id = g.id and first_image.output = 0
where g.id = any($1::uuid[])

-- name: generations_of_batches
-- a page of each batch of $1, in the batch's own order, after ($2, $3); $6 statuses or null
select parent.id as parent_id, g.*, first_image.id as image_id,
       studio.signed_address(g.outputs[1], $5) as image_url
from unnest($1::uuid[]) as parent (id)
cross join lateral (
    select * from generations
    where user_id = (select studio.current_user_id())
      and batch_id = parent.id
      and (position, id) > ($2, $3)
      and ($6::text[] is null or status = any($6))
    order by position, id
    limit $4
) g
left join images first_image on first_image.generation_id = g.id and first_image.output = 0
order by parent.id, g.position, g.id

-- name: generation_counts_of_batches
select batch_id as parent_id, count(*) as count from generations
where user_id = (select studio.current_user_id())
  and batch_id = any($1::uuid[])
  and ($2::text[] is null or status = any($2))
group by batch_id

-- name: queued_generations_of_batch
select id, user_id from generations where batch_id = $1 and status = 'QUEUED' order by position, id

-- name: generation_for_work
-- all that a job needs to know of a generation, what a batch's generations share taken from the batch
select g.*, b.paused, b.canceling,
       coalesce(g.collection_id, b.collection_id) as work_collection_id,
       coalesce(g.reference_url, b.reference_url) as work_reference_url,
       a.id as attempt_id, a.prediction_id, a.provider
from generations g
left join batches b on b.id = g.batch_id
left join lateral (
    select id, prediction_id, provider from studio.attempts
    where generation_id = g.id order by number desc limit 1
) a on true
where g.id = $1

-- name: change_generation
-- The one way in which a generation changes: fenced by the states it may come from ($2), counted in its batch
-- and stamped with the batch's new seq. No row comes back where the fence held.
-- What is saved, or given up, stays so: after a success only a save that is due, or has worked after all, counts.
-- The batch is locked first, as everything that locks both does.
with parent as materialized (
    select b.id from batches b
    join generations g on g.batch_id = b.id
    where g.id = $1
    for no key update of b
), was as materialized (
    select g.id, g.batch_id, g.status, g.saved,
           g.status = 'SUCCEEDED' and not g.saved and g.retry_at is not null as unsaved
    from generations g
    where g.id = $1
      and g.status = any($2::text[])
      and (g.status <> 'SUCCEEDED' or not g.saved and (g.retry_at is not null or $4::boolean))
      and (g.batch_id is null or exists (select from parent))
    for no key update
), now_is (status, saved, unsaved) as (
    values ($3::text, $4::boolean, $3::text = 'SUCCEEDED' and not $4::boolean and $8::timestamptz is not null)
), delta as (
    select
        was.batch_id,
        (n.status in ('RUNNING', 'SAVING'))::int - (was.status in ('RUNNING', 'SAVING'))::int as running,
        (n.status = 'SUCCEEDED')::int - (was.status = 'SUCCEEDED')::int as succeeded,
        (n.status = 'FAILED')::int - (was.status = 'FAILED')::int as failed,
        (n.status = 'CANCELED')::int - (was.status = 'CANCELED')::int as canceled,
        n.saved::int - was.saved::int as saved,
        n.unsaved::int - was.unsaved::int as unsaved
    from was, now_is n
), counted as (
    update batches b
    set seq         = b.seq + 1,
        running     = b.running + d.running,
        succeeded   = b.succeeded + d.succeeded,
        failed      = b.failed + d.failed,
        canceled    = b.canceled + d.canceled,
        saved       = b.saved + d.saved,
        unsaved     = b.unsaved + d.unsaved,
        started_at  = case when d.running > 0 then coalesce(b.started_at, now()) else b.started_at end,
        finished_at = case
            when b.total = b.succeeded + b.failed + b.canceled + d.succeeded + d.failed + d.canceled
             and b.unsaved + d.unsaved = 0 then now()
        end
    from delta d
    where b.id = d.batch_id
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
    outputs         = coalesce($10, g.outputs),
    attempts        = g.attempts + $11,
    saves           = g.saves + $12,
    seq             = coalesce((select seq from counted), 0),
    started_at      = case when n.status = 'RUNNING' then coalesce(g.started_at, now()) else g.started_at end,
    finished_at     = case when n.status in ('SUCCEEDED', 'FAILED', 'CANCELED') then coalesce(g.finished_at, now()) end
from was, now_is n
where g.id = was.id
returning g.user_id, g.batch_id,
          case when g.retry_at is not null then greatest(0, extract(epoch from g.retry_at - now())) end::float8 as retry_in

-- name: insert_attempt
insert into studio.attempts (generation_id, number, provider)
values ($1, (select coalesce(max(number), 0) + 1 from studio.attempts where generation_id = $1), $2)
returning id

-- name: record_prediction
update studio.attempts set prediction_id = $2 where id = $1 and prediction_id is null

-- name: count_fault
update generations set faults = faults + 1 where id = $1 returning faults

-- name: abandoned_generations
-- what is not done and has no job: a worker was stopped half-way
select g.id, g.user_id, case when g.status = 'SUCCEEDED' then 'save' else 'submit' end as job
from generations g
where (g.status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING') or g.retry_at is not null)
  and not exists (
    select from pgq.pgqueuer j
    where j.status in ('queued', 'picked')
      and j.dedupe_key in ('submit:' || g.id, 'collect:' || g.id, 'save:' || g.id, 'expand:' || g.batch_id)
  )
limit 500
