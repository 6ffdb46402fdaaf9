-- Out of the history and back into it, and what an owner changes about a batch of long ago.
alter table public.batches
    add column images_kept boolean not null default false,
    add column touched_at  timestamptz;
comment on column public.batches.images_kept is
    'Whether its images stayed in the history when it was put into the trash: those saved later stay there too.';
comment on column public.batches.touched_at is
    'When its owner last changed the batch itself: title, tags, favourite, trash. Of a finished batch, historyUpdates tells by it.';
create index batches_touched on public.batches (user_id, touched_at) where touched_at is not null;

grant update (images_kept) on public.batches to authenticated;
grant update (touched_at) on public.batches to studio_worker;
-- What is saved into a batch in the trash is in the trash itself.
grant insert (deleted_at) on public.images to authenticated;
