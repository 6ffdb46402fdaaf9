-- What historyUpdates looks at: what is not finished, or has been for less than a minute. finished_at changes but
-- once, so that a batch's many other changes stay within its page.
create index batches_recent on public.batches
    (user_id, (case when finished_at is null then 'infinity'::timestamptz else finished_at end));
create index singles_recent on public.generations
    (user_id, (case when finished_at is null or retry_at is not null then 'infinity'::timestamptz else finished_at end))
    where batch_id is null;
