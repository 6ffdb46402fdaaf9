-- name: purge_images
-- The rows go, their files are doomed, their generations offer them no more. A restored one is no longer in the trash
-- by the time its row is locked.
with gone as (
    delete from images
    where id = any (array(
        select id from images where deleted_at < (select studio.trash_ends()) order by deleted_at limit $1
    ))
      and deleted_at < (select studio.trash_ends())
    returning generation_id, url, reference_url
), doomed as (
    insert into studio.doomed_files (key) select url from gone on conflict do nothing
), emptied as (
    update generations g
    set outputs = array(
        select case when output <> all (of.urls) then output end
        from unnest(g.outputs) with ordinality as o (output, number) order by number
    )
    from (
        select generation_id, array_agg(url) as urls from gone where generation_id is not null group by generation_id
    ) of
    where g.id = of.generation_id
), unused as (
    update studio.kept_references set look_at = now() where key in (select reference_url from gone)
)
select generation_id from gone

-- name: purge_single_generations
-- of those in $1, the single ones whose last image is gone
with gone as (
    delete from generations
    where id = any($1::uuid[]) and batch_id is null and array_remove(outputs, null) = '{}'
    returning coalesce(reference_key, reference_url) as reference
)
update studio.kept_references set look_at = now() where key in (select reference from gone)

-- name: batch_to_purge
select id, user_id from batches where deleted_at < (select studio.trash_ends()) order by deleted_at limit 1

-- name: generations_to_purge
select id, outputs from generations where batch_id = $1 limit $2

-- name: kept_outputs
-- which of the generations' files are in the caller's history: images may be kept when their batch is deleted
select url from images where user_id = (select studio.current_user_id()) and generation_id = any($1::uuid[])

-- name: purge_generations
-- and dooms their files, but for those in $2
with gone as (
    delete from generations where id = any($1::uuid[]) returning outputs
)
insert into studio.doomed_files (key)
select output from gone, unnest(gone.outputs) as output
where output is not null and output <> all ($2::text[])
on conflict do nothing

-- name: purge_batch
with gone as (
    delete from batches where id = $1 returning coalesce(reference_key, reference_url) as reference
)
update studio.kept_references set look_at = now() where key in (select reference from gone)

-- name: doomed_files
select key from studio.doomed_files where due_at <= now() order by due_at limit $1

-- name: settle_doomed_files
-- Removed. A signed address may still have the smaller copy made, or a slow upload end, for two hours: once more then.
with gone as (
    delete from studio.doomed_files
    where key = any($1::text[]) and created_at <= now() - interval '3 hours'
)
update studio.doomed_files set due_at = created_at + interval '3 hours'
where key = any($1::text[]) and created_at > now() - interval '3 hours'
