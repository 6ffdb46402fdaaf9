-- What was put into the trash 30 days ago is purged by the worker, which sees such rows of images and no others.
create function studio.trash_ends() returns timestamptz
language sql stable parallel safe
return now() - interval '30 days';
comment on function studio.trash_ends() is 'What was put into the trash before this moment cannot be restored, and is purged.';
revoke all on function studio.trash_ends() from public;
grant execute on function studio.trash_ends() to anon, authenticated, studio_worker;

create index batches_to_purge on public.batches (deleted_at) where deleted_at is not null;
create index images_to_purge on public.images (deleted_at) where deleted_at is not null;

create policy "worker sees what is to be purged" on public.images for select to studio_worker
    using (deleted_at < (select studio.trash_ends()));
create policy "worker purges" on public.images for delete to studio_worker
    using (deleted_at < (select studio.trash_ends()));
create policy "worker purges" on public.batches for delete to studio_worker
    using (deleted_at < (select studio.trash_ends()));
-- A batch's with their batch, a single one with its last image.
create policy "worker purges" on public.generations for delete to studio_worker
    using (
        batch_id is null
        or exists (
            select from public.batches b where b.id = batch_id and b.deleted_at < (select studio.trash_ends())
        )
    );
grant select (id, user_id, generation_id, url, reference_url, deleted_at) on public.images to studio_worker;
grant delete on public.batches, public.generations, public.images to studio_worker;

-- A batch is purged bit by bit: from then on nobody brings it back.
alter policy "owner changes" on public.batches
    using (
        user_id = (select studio.current_user_id())
        and (deleted_at is null or deleted_at >= (select studio.trash_ends()))
    );
