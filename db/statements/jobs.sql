-- name: take_turns
-- Start-time fair queueing: $2 jobs of this user begin after the user's last one, or beside the job that is
-- served next if that is later. A job that is held back tells nothing of where the queue stands, unless all are.
-- Returns the tag of the first.
with clock as (
    select coalesce(
        (select -priority - 1 from pgq.pgqueuer
         where entrypoint = 'submit' and status = 'queued' and priority < 0 and execute_after <= now()
         order by priority desc, id limit 1),
        (select -priority - 1 from pgq.pgqueuer
         where entrypoint = 'submit' and status = 'queued' and priority < 0
         order by priority desc, id limit 1),
        (select max(last_tag) from studio.turns),
        0
    ) as now
)
insert into studio.turns as t (user_id, last_tag)
select $1, clock.now + $2 from clock
on conflict (user_id) do update
set last_tag = greatest(t.last_tag, excluded.last_tag - $2) + $2
returning last_tag - $2 + 1

-- name: prune_queue_log
delete from pgq.pgqueuer_log where created < now() - interval '1 hour'

-- name: applied_versions
select * from studio.applied_versions()

-- name: alive
select 1
