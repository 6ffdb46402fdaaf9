-- What a user has under way, and the step that puts it into the queue: one round trip in place of three.
create function studio.usage(of_user uuid) returns table (queued integer, running integer)
language sql stable
as $$
    select coalesce(sum(u.queued), 0)::integer, coalesce(sum(u.running), 0)::integer
    from (
        select b.queued, b.running from public.batches b
        where b.user_id = of_user and case when b.finished_at is null then 'infinity' else b.finished_at end = 'infinity'
        union all
        select (g.status in ('QUEUED', 'THROTTLED'))::integer, (g.status in ('RUNNING', 'SAVING'))::integer
        from public.generations g
        where g.user_id = of_user
          and g.batch_id is null
          and case when g.finished_at is null or g.retry_at is not null then 'infinity' else g.finished_at end = 'infinity'
    ) u
$$;
comment on function studio.usage(uuid) is
    'Images that a user has waiting and running: by the counters of what is not finished, however many images that has. Equal to infinity is what the indexes batches_recent and singles_recent spell "not finished" as.';

-- Volatile: what it counts, it sees as of after it has waited for the turn.
create function studio.feed(of_user uuid, turn_priority integer) returns integer
language plpgsql volatile
as $$
begin
    set local role studio_worker;
    with turn as (
        insert into studio.turns as t (user_id) values (of_user)
        on conflict (user_id) do update set last_tag = t.last_tag
        returning user_id::text
    ), job as (
        insert into pgq.pgqueuer (priority, entrypoint, payload, dedupe_key, status)
        select turn_priority, 'feed', convert_to(user_id, 'UTF8'), 'feed:' || user_id, 'queued' from turn
        on conflict (dedupe_key) where status in ('queued', 'picked') and dedupe_key is not null do nothing
        returning id, entrypoint, priority
    )
    insert into pgq.pgqueuer_log (job_id, status, entrypoint, priority)
    select id, 'queued', entrypoint, priority from job;
    return (select queued from studio.usage(of_user));
end
$$;
comment on function studio.feed(uuid, integer) is
    'Becomes the worker for the rest of the transaction, locks the user''s turn, and puts one job into the queue, as PgQueuer''s own enqueue does, unless it waits or runs already. Gives how many images of the user then wait.';

revoke all on function studio.usage(uuid), studio.feed(uuid, integer) from public, anon, authenticated;
grant execute on function studio.usage(uuid), studio.feed(uuid, integer) to authenticated, studio_worker;
