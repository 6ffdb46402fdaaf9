-- name: take_turns
-- Start-time fair queueing: $2 jobs of this user begin after the user's last one, or where the queue now
-- stands if that is later. Returns the tag of the first.
with clock as (
    select coalesce(
        (select -max(priority) from pgq.pgqueuer
         where entrypoint = 'submit' and status = 'queued' and priority < 0),
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
