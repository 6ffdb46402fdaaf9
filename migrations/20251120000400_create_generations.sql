-- The making of one image each: one model run for one template, in a batch or on its own.
create table public.generations (
    id              uuid        primary key default studio.new_id(),
    user_id         uuid        not null default studio.current_user_id(),
    batch_id        uuid,
    collection_id   uuid        references public.collections (id) on delete set null,
    reference_url   text        check (char_length(reference_url) <= 2048),
    position        integer     not null default 0 check (position >= 0),
    template_id     uuid,
    template_name   text        not null check (char_length(template_name) between 1 and 200),
    name            text        not null check (char_length(name) between 1 and 500),
    prompt          text        not null check (char_length(prompt) between 1 and 10000),
    model           text        not null check (char_length(model) between 1 and 200),
    parameters      jsonb       not null default '{}' check (jsonb_typeof(parameters) = 'object'),
    seed            bigint      not null,
    status          text        not null default 'QUEUED' check (
        status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING', 'SUCCEEDED', 'FAILED', 'CANCELED')
    ),
    progress        real        check (progress between 0 and 1),
    attempts        integer     not null default 0,
    faults          integer     not null default 0,
    saves           integer     not null default 0,
    saved           boolean     not null default false,
    outputs         text[]      not null default '{}',
    error_code      text,
    error_message   text,
    error_retryable boolean,
    retry_at        timestamptz,
    seq             bigint      not null default 0,
    created_at      timestamptz not null default now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    unique (id, user_id),
    foreign key (batch_id, user_id) references public.batches (id, user_id) on delete cascade,
    constraint own_reference check (studio.is_reference_of(reference_url, user_id)),
    check (batch_id is null or (collection_id is null and reference_url is null)),
    check ((error_code is null) = (error_message is null) and (error_code is null) = (error_retryable is null))
);
comment on table public.generations is 'The making of one image each: one model run for one template.';
comment on column public.generations.batch_id is 'Null for a single generation, made outside any batch.';
comment on column public.generations.collection_id is 'Of a single generation; in a batch, the batch has it.';
comment on column public.generations.reference_url is 'Of a single generation; in a batch, the batch has it.';
comment on column public.generations.template_id is
    'Which template it came from. No foreign key: the batch keeps its own copy, the template may go.';
comment on column public.generations.name is 'What the image will be called: "{collection} - {template}".';
comment on column public.generations.prompt is 'As sent to the model, variables filled in.';
comment on column public.generations.parameters is 'Model inputs: the batch''s with the template''s merged over them.';
comment on column public.generations.seed is 'Drawn at the start, so that the same work can be recognised and repeated.';
comment on column public.generations.attempts is 'How often the provider was asked.';
comment on column public.generations.faults is 'How often a job on it failed unexpectedly.';
comment on column public.generations.outputs is 'Storage keys of the outputs, once they are copied.';
comment on column public.generations.saves is 'How often saving it into the history was tried.';
comment on column public.generations.seq is 'The batch''s seq at the last change of this row: what a cursor is compared with.';

create index generations_by_place on public.generations (user_id, batch_id, position, id);
create index generations_by_change on public.generations (user_id, batch_id, seq);
create index generations_by_batch on public.generations (batch_id, user_id);
create index generations_under_way on public.generations (id)
    where status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING') or retry_at is not null;
create index generations_by_collection on public.generations (collection_id) where collection_id is not null;

alter table public.generations enable row level security;
alter table public.generations force row level security;

create policy "anonymous sees none" on public.generations for select to anon
    using (false);
create policy "owner reads" on public.generations for select to authenticated
    using (user_id = (select studio.current_user_id()));
create policy "owner starts" on public.generations for insert to authenticated
    with check (
        user_id = (select studio.current_user_id())
        and (collection_id is null or exists (select from public.collections c where c.id = collection_id))
    );
create policy "worker reads" on public.generations for select to studio_worker
    using (true);
create policy "worker changes" on public.generations for update to studio_worker
    using (true) with check (true);

revoke all on public.generations from public, anon, authenticated, studio_worker;
grant select on public.generations to anon, authenticated, studio_worker;
grant insert (batch_id, collection_id, reference_url, position, template_id, template_name, name, prompt, model, parameters, seed, seq)
    on public.generations to authenticated;
grant update (status, progress, attempts, faults, saves, saved, outputs, error_code, error_message, error_retryable, retry_at, seq, started_at, finished_at)
    on public.generations to studio_worker;
