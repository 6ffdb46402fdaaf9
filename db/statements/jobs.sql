-- name: take_turns
-- Start-time fair queueing: $2 jobs of this user begin after the user's last one, or beside the job that is
-- served next if that is later. A job that is held back tells nothing of where the queue stands, unless all are.
-- Returns the tag of the first.
with kinds (kind) as (
    values ('submit'), ('submit_rated')
), clock as (
    select coalesce(
        (select min(tag) - 1 from kinds, lateral (
            select -priority as tag from pgq.pgqueuer
            where entrypoint = kind and status = 'queued' and priority < 0 and execute_after <= now()
            order by priority desc, id limit 1) first),
        (select min(tag) - 1 from kinds, lateral (
            select -priority as tag from pgq.pgqueuer
            where entrypoint = kind and status = 'queued' and priority < 0
            order by priority desc, id limit 1) first),
        (select max(last_tag) from studio.turns),
        0
    ) as now
)
insert into studio.turns as t (user_id, last_tag)
select $1, clock.now + $2 from clock
on conflict (user_id) do update
set last_tag = greatest(t.last_tag, excluded.last_tag - $2) + $2
returning last_tag - $2 + 1

-- name: lock_turn
-- whoever puts work of a user into the queue, or finds none left to put there, does so alone
insert into studio.turns (user_id) values ($1)
on conflict (user_id) do update set last_tag = turns.last_tag

-- name: feed
-- as lock_turn, and then the job; $2 is its priority
select studio.feed($1, $2)

-- name: admit_generations
-- the user's next, first come first served, as many as there is room for beside those in flight ($2 at once)
with room as (
    select greatest(0, $2 - count(*)) as places from generations
    where user_id = $1 and admitted and status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING')
), chosen as (
    select g.id from generations g
    left join batches b on b.id = g.batch_id
    where g.user_id = $1 and g.status = 'QUEUED' and not g.admitted and not coalesce(b.paused, false)
    order by g.created_at, g.position, g.id
    limit (select places from room)
    for no key update of g skip locked
)
update generations g
set admitted = true, round = g.round + 1
from chosen
where g.id = chosen.id
returning g.id, g.round, g.model, g.created_at, g.position

-- name: has_waiting_generations
select exists (
    select from generations g
    left join batches b on b.id = g.batch_id
    where g.user_id = $1 and g.status = 'QUEUED' and not g.admitted and not coalesce(b.paused, false)
)

-- name: put_back_generation
update generations set admitted = false where id = $1 and status = 'QUEUED'

-- name: release_key
-- a job that finds nothing left to do gives its place up before it is gone
update pgq.pgqueuer set dedupe_key = null where dedupe_key = $1 and status = 'picked'

-- name: hand_back_jobs
-- what a worker's lost life had taken can be taken by anybody; what it still works at ($2) stays its own
with kept as (
    update pgq.pgqueuer set heartbeat = now()
    where queue_manager_id = $1 and status = 'picked' and id = any($2::bigint[])
)
update pgq.pgqueuer
set status = 'queued', queue_manager_id = null, execute_after = now(), updated = now()
where queue_manager_id = $1 and status = 'picked' and id <> all($2::bigint[])

-- name: hasten_jobs
update pgq.pgqueuer set execute_after = now() where dedupe_key = any($1::text[]) and status = 'queued'

-- name: prune_queue_log
delete from pgq.pgqueuer_log where created < now() - interval '1 hour'

-- name: applied_versions
select * from studio.applied_versions()

-- name: alive
select 1

-- name: rated_jobs_wait
select exists (
    select from pgq.pgqueuer
    where entrypoint = 'submit_rated'
      and (status = 'queued' and execute_after <= now() or status = 'picked' and heartbeat < now() - $1::interval)
)

-- name: queue_depth
-- a job that is held back is not due yet; age is that of the one that has been due, or taken, the longest
select entrypoint as job,
    case when status = 'queued' and execute_after > now() then 'later' else status::text end as state,
    count(*) as jobs,
    greatest(0, extract(epoch from now() - min(case status when 'queued' then execute_after else updated end))
        )::float8 as age
from pgq.pgqueuer
group by 1, 2

-- name: rate_waits
select provider, greatest(0, extract(epoch from next_at - clock_timestamp()))::float8 as wait from studio.rates

-- name: queue_is_there
select exists (select from pgq.pgqueuer)
