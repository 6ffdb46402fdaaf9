-- The history: one row per saved image, inserted under the owner's own role and nobody else's.
create table public.images (
    id            uuid        primary key default studio.new_id(),
    user_id       uuid        not null default studio.current_user_id(),
    generation_id uuid,
    output        integer     not null default 0 check (output >= 0),
    collection_id uuid        references public.collections (id) on delete set null,
    name          text        not null check (char_length(name) between 1 and 500),
    prompt        text        not null,
    url           text        not null,
    thumbnail_url text,
    reference_url text        check (char_length(reference_url) <= 2048),
    model         text        not null,
    parameters    jsonb       not null default '{}' check (jsonb_typeof(parameters) = 'object'),
    seed          bigint,
    placeholder   text,
    width         integer     check (width > 0),
    height        integer     check (height > 0),
    content_type  text,
    byte_size     integer     check (byte_size > 0),
    checksum      text,
    favorite      boolean     not null default false,
    created_at    timestamptz not null default now(),
    deleted_at    timestamptz,
    foreign key (generation_id, user_id) references public.generations (id, user_id)
        on delete set null (generation_id),
    -- A key is signed for whoever reads the row.
    constraint own_url check (studio.is_key_of(url, user_id)),
    constraint own_thumbnail check (studio.is_key_of(thumbnail_url, user_id)),
    constraint own_reference check (studio.is_reference_of(reference_url, user_id))
);
comment on table public.images is 'The history: one row per saved image.';
comment on column public.images.url is 'The storage key, which begins with its owner''s id; signed when read.';
comment on column public.images.thumbnail_url is 'The storage key of the 400 wide copy; signed when read.';
comment on column public.images.prompt is 'As sent to the model.';
comment on column public.images.output is 'Which output of the generation it is, from 0.';
comment on column public.images.placeholder is 'ThumbHash, base64.';
comment on column public.images.checksum is 'SHA-256 of the file, hex.';
comment on column public.images.deleted_at is 'When it was put into the trash; null outside it.';

-- A job that runs twice saves once. With the owner in it, no row of another's can be in the way.
create unique index images_by_generation on public.images (generation_id, user_id, output);
create index images_by_time on public.images (user_id, created_at desc, id desc);
create index images_by_collection on public.images (collection_id) where collection_id is not null;

alter table public.images enable row level security;
alter table public.images force row level security;

create policy "anonymous sees none" on public.images for select to anon
    using (false);
create policy "owner reads" on public.images for select to authenticated
    using (user_id = (select studio.current_user_id()));
create policy "owner saves" on public.images for insert to authenticated
    with check (
        user_id = (select studio.current_user_id())
        and (collection_id is null or exists (select from public.collections c where c.id = collection_id))
    );
create policy "owner changes" on public.images for update to authenticated
    using (user_id = (select studio.current_user_id()))
    with check (user_id = (select studio.current_user_id()));

revoke all on public.images from public, anon, authenticated, studio_worker;
grant select on public.images to anon, authenticated;
grant insert (generation_id, output, collection_id, name, prompt, url, thumbnail_url, reference_url, model, parameters,
              seed, placeholder, width, height, content_type, byte_size, checksum)
    on public.images to authenticated;
grant update (name, favorite, deleted_at) on public.images to authenticated;
