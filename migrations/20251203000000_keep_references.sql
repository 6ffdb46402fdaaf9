-- Reference images in storage: what users uploaded, and what was fetched from the web for a batch or a single image.
create table studio.kept_references (
    id            uuid        primary key default studio.new_id(),
    user_id       uuid        not null,
    topic_id      uuid        unique,
    key           text        unique,
    content_type  text        check (content_type in ('image/png', 'image/jpeg', 'image/webp')),
    byte_size     integer     check (byte_size > 0),
    used          boolean     not null default false,
    kept_at       timestamptz,
    claimed_until timestamptz,
    problem       text,
    look_at       timestamptz default now() + interval '1 day',
    created_at    timestamptz not null default now(),
    constraint own_key check (studio.is_key_of(key, user_id)),
    check (kept_at is null or (key is not null and content_type is not null and byte_size is not null)),
    check (topic_id is not null or (key is not null and content_type is not null and byte_size is not null))
);
comment on table studio.kept_references is
    'Reference images in storage: uploads of users, and copies of what was fetched from the web.';
comment on column studio.kept_references.topic_id is
    'The batch or the single generation that an address on the web was given for; null for an upload.';
comment on column studio.kept_references.key is
    'The storage key; of an upload known beforehand, of a fetched one once it is kept.';
comment on column studio.kept_references.byte_size is 'Of an upload as announced.';
comment on column studio.kept_references.used is 'Whether any work was ever started with this upload.';
comment on column studio.kept_references.kept_at is 'When the picture was checked and in storage; null before.';
comment on column studio.kept_references.claimed_until is
    'Until when one worker alone may fetch it, or nobody may try again.';
comment on column studio.kept_references.problem is 'Why it could not be kept, fit for a person.';
comment on column studio.kept_references.look_at is
    'When nothing may use it any more, so that it is to be looked at; null while something does.';
create index references_to_look_at on studio.kept_references (look_at) where look_at is not null;
create index references_unused on studio.kept_references (user_id) where topic_id is null and not used;

-- Files that no row names any more. A row goes in the transaction that writes its files down here; they are removed
-- after it, and forgotten once that is done.
create table studio.doomed_files (
    key        text        primary key,
    due_at     timestamptz not null default now(),
    created_at timestamptz not null default now()
);
comment on table studio.doomed_files is 'Storage keys of files that are to be removed, and no row names any more.';
comment on column studio.doomed_files.due_at is
    'Removed at once, and once more when every address that was signed for it has expired.';
create index doomed_files_by_time on studio.doomed_files (due_at);

alter table studio.kept_references enable row level security;
alter table studio.kept_references force row level security;
alter table studio.doomed_files enable row level security;
alter table studio.doomed_files force row level security;
create policy "worker keeps" on studio.kept_references to studio_worker using (true) with check (true);
create policy "worker keeps" on studio.doomed_files to studio_worker using (true) with check (true);
revoke all on studio.kept_references, studio.doomed_files from public, anon, authenticated;
grant select, insert, update, delete on studio.kept_references, studio.doomed_files to studio_worker;

alter table public.batches
    add column reference_key text,
    add constraint own_reference_key check (studio.is_key_of(reference_key, user_id));
alter table public.generations
    add column reference_key text,
    add constraint own_reference_key check (studio.is_key_of(reference_key, user_id)),
    add constraint batch_has_reference_key check (batch_id is null or reference_key is null);
comment on column public.batches.reference_url is 'The reference image as given: an address on the web, or a storage key.';
comment on column public.batches.reference_key is
    'The storage key of the copy of a reference_url on the web, once a worker has fetched it.';
comment on column public.generations.reference_key is
    'Of a single generation: the storage key of the copy of a reference_url on the web.';
grant update (reference_key) on public.batches, public.generations to studio_worker;

-- Who uses a kept reference.
create index batches_by_reference on public.batches ((coalesce(reference_key, reference_url)))
    where reference_url is not null;
create index generations_by_reference on public.generations ((coalesce(reference_key, reference_url)))
    where reference_url is not null;
create index images_by_reference on public.images (user_id, reference_url) where reference_url is not null;

create function studio.reference_address(reference text, signer text[]) returns text
language sql immutable parallel safe
return case when reference ~ '^https?://' then reference else studio.signed_address(reference, signer) end;
comment on function studio.reference_address(text, text[]) is
    'Where a reference image can be looked at: the signed address of one in storage, else the address that was given.';

create function studio.download_address(batch_id uuid, user_id uuid, signer text[]) returns text
language sql immutable parallel safe
return studio.signed_address(user_id::text || '/batches/' || batch_id::text || '.zip', signer);
comment on function studio.download_address(uuid, uuid, text[]) is
    'The signed address of a batch''s zip, which is made when it is asked for.';

revoke all on function studio.reference_address(text, text[]), studio.download_address(uuid, uuid, text[]) from public;
grant execute on function studio.reference_address(text, text[]), studio.download_address(uuid, uuid, text[])
    to anon, authenticated, studio_worker;
