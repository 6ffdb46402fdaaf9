-- Named, ordered sets of prompt templates. What the nil UUID owns is shared: everybody reads it.
create table public.collections (
    id          uuid        primary key default studio.new_id(),
    user_id     uuid        not null default studio.current_user_id(),
    name        text        not null check (char_length(name) between 1 and 200),
    description text        not null default '' check (char_length(description) <= 2000),
    shared      boolean     not null generated always as (user_id = '00000000-0000-0000-0000-000000000000') stored,
    created_at  timestamptz not null default now(),
    unique (id, user_id)
);
comment on table public.collections is 'Named, ordered sets of prompt templates.';
comment on column public.collections.shared is 'Readable by everybody, editable by none: owned by the nil UUID.';
create index collections_by_name on public.collections (user_id, name, id);

create table public.templates (
    id            uuid        primary key default studio.new_id(),
    user_id       uuid        not null default studio.current_user_id(),
    collection_id uuid        not null,
    position      integer     not null check (position >= 0),
    name          text        not null check (char_length(name) between 1 and 200),
    prompt        text        not null check (char_length(prompt) between 1 and 10000),
    model         text        check (char_length(model) between 1 and 200),
    parameters    jsonb       not null default '{}' check (jsonb_typeof(parameters) = 'object'),
    created_at    timestamptz not null default now(),
    -- A template shares its collection's owner: foreign keys are checked past the policies.
    foreign key (collection_id, user_id) references public.collections (id, user_id) on delete cascade
);
comment on table public.templates is 'The prompts of a collection, in order.';
comment on column public.templates.prompt is 'May hold {{variables}}.';
comment on column public.templates.parameters is 'Merged over the parameters of the batch.';
create index templates_by_collection on public.templates (collection_id, user_id, position, id);

alter table public.collections enable row level security;
alter table public.collections force row level security;
alter table public.templates enable row level security;
alter table public.templates force row level security;

create policy "anyone reads shared" on public.collections for select to anon
    using (shared);
create policy "owner reads own and shared" on public.collections for select to authenticated
    using (shared or user_id = (select studio.current_user_id()));
create policy "owner creates" on public.collections for insert to authenticated
    with check (user_id = (select studio.current_user_id()));
create policy "owner changes" on public.collections for update to authenticated
    using (user_id = (select studio.current_user_id()))
    with check (user_id = (select studio.current_user_id()));
create policy "owner deletes" on public.collections for delete to authenticated
    using (user_id = (select studio.current_user_id()));
create policy "worker reads shared" on public.collections for select to studio_worker
    using (shared);
create policy "worker adds samples" on public.collections for insert to studio_worker
    with check (user_id = '00000000-0000-0000-0000-000000000000');

create policy "anyone reads shared" on public.templates for select to anon
    using (user_id = '00000000-0000-0000-0000-000000000000');
create policy "owner reads own and shared" on public.templates for select to authenticated
    using (user_id in ((select studio.current_user_id()), '00000000-0000-0000-0000-000000000000'));
create policy "owner creates" on public.templates for insert to authenticated
    with check (user_id = (select studio.current_user_id()));
create policy "owner deletes" on public.templates for delete to authenticated
    using (user_id = (select studio.current_user_id()));
create policy "worker adds samples" on public.templates for insert to studio_worker
    with check (user_id = '00000000-0000-0000-0000-000000000000');

-- Supabase grants everything on a new table to its roles: revoke first, then give by column.
revoke all on public.collections, public.templates from public, anon, authenticated, studio_worker;
grant select on public.collections, public.templates to anon, authenticated;
-- Nobody names a new row's id: to be refused one would tell that another's row has it.
grant insert (name, description) on public.collections to authenticated;
grant update (name, description) on public.collections to authenticated;
grant delete on public.collections to authenticated;
grant insert (collection_id, position, name, prompt, model, parameters) on public.templates to authenticated;
grant delete on public.templates to authenticated;
grant select on public.collections to studio_worker;
grant insert (id, user_id, name, description) on public.collections to studio_worker;
grant insert (id, user_id, collection_id, position, name, prompt, model, parameters) on public.templates to studio_worker;
