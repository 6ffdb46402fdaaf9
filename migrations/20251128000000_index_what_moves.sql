-- What historyUpdates looks at: what is not finished, or has been for less than a minute. finished_at changes but
-- once, so that a batch's many other changes stay within its page.
create index batches_recent on public.batches (user_id, (coalesce(finished_at, 'infinity'::timestamptz)));
create index singles_recent on public.generations
    (user_id, (coalesce(case when retry_at is null then finished_at end, 'infinity'::timestamptz)))
    where batch_id is null;
