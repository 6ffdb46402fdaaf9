-- Every image of one batch shares the batch's id; null is an image of no batch.
alter table public.images
    add column batch_id uuid,
    add column position integer not null default 0 check (position >= 0),
    add foreign key (batch_id, user_id) references public.batches (id, user_id)
        on delete set null (batch_id);

comment on column public.images.batch_id is
    'The batch that made this image, shared by all images of one startBatch; null for an image made on its own.';
comment on column public.images.position is 'The generation''s place in the batch, from 0.';

create index idx_images_batch_id on public.images (batch_id);
create index images_by_place on public.images (user_id, batch_id, position, created_at, id);

grant insert (batch_id, position) on public.images to authenticated;
