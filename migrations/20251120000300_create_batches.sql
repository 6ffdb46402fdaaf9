-- One startBatch each: every image asked for at once, under one id.
create table public.batches (
    id               uuid        primary key default studio.new_id(),
    user_id          uuid        not null default studio.current_user_id(),
    title            text        not null check (char_length(title) between 1 and 200),
    collection_id    uuid        references public.collections (id) on delete set null,
    model            text        not null check (char_length(model) between 1 and 200),
    reference_url    text        check (char_length(reference_url) <= 2048),
    parameters       jsonb       not null default '{}' check (jsonb_typeof(parameters) = 'object'),
    variables        jsonb       not null default '{}' check (jsonb_typeof(variables) = 'object'),
    favorite         boolean     not null default false,
    tags             text[]      not null default '{}',
    regenerated_from uuid,
    seq              bigint      not null default 0,
    paused           boolean     not null default false,
    canceling        boolean     not null default false,
    total            integer     not null check (total > 0),
    running          integer     not null default 0 check (running >= 0),
    succeeded        integer     not null default 0 check (succeeded >= 0),
    failed           integer     not null default 0 check (failed >= 0),
    canceled         integer     not null default 0 check (canceled >= 0),
    saved            integer     not null default 0 check (saved >= 0),
    unsaved          integer     not null default 0 check (unsaved >= 0),
    queued           integer     not null generated always as (total - running - succeeded - failed - canceled) stored
                                 check (queued >= 0),
    status           text        not null generated always as (
        case
            when succeeded + failed + canceled < total or unsaved > 0 then
                case
                    when canceling then 'CANCELING'
                    when paused then 'PAUSED'
                    when running + succeeded + failed + canceled > 0 then 'RUNNING'
                    else 'QUEUED'
                end
            when succeeded = total then 'SUCCEEDED'
            when canceling and canceled > 0 then 'CANCELED'
            when succeeded > 0 then 'PARTIALLY_SUCCEEDED'
            when canceled > 0 and failed = 0 then 'CANCELED'
            else 'FAILED'
        end
    ) stored,
    created_at       timestamptz not null default now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    deleted_at       timestamptz,
    unique (id, user_id),
    foreign key (regenerated_from, user_id) references public.batches (id, user_id)
        on delete set null (regenerated_from),
    constraint own_reference check (studio.is_reference_of(reference_url, user_id))
);
comment on table public.batches is 'One startBatch each, with its counters.';
comment on column public.batches.seq is
    'The cursor: raised by every change of the batch or of one of its generations, in the transaction that makes it. The row lock makes commit order equal cursor order.';
comment on column public.batches.running is 'Generations in RUNNING or SAVING.';
comment on column public.batches.queued is 'Generations in QUEUED or THROTTLED.';
comment on column public.batches.unsaved is 'Generations that succeeded and whose save will be tried again.';
comment on column public.batches.saved is 'Generations with an image in the history.';
comment on column public.batches.status is
    'Follows from the counters. Finished when every generation has ended and every save has succeeded or been given up.';
comment on column public.batches.deleted_at is 'When it was put into the trash; null outside it.';

create index batches_by_time on public.batches (user_id, created_at desc, id desc);
create index batches_by_collection on public.batches (collection_id);
create index batches_by_origin on public.batches (regenerated_from, user_id);

alter table public.batches enable row level security;
alter table public.batches force row level security;

create policy "anonymous sees none" on public.batches for select to anon
    using (false);
create policy "owner reads" on public.batches for select to authenticated
    using (user_id = (select studio.current_user_id()));
-- The sub-select runs under the caller's own policies: nobody links to a collection that is not theirs to see.
create policy "owner starts" on public.batches for insert to authenticated
    with check (
        user_id = (select studio.current_user_id())
        and (collection_id is null or exists (select from public.collections c where c.id = collection_id))
    );
create policy "owner changes" on public.batches for update to authenticated
    using (user_id = (select studio.current_user_id()))
    with check (user_id = (select studio.current_user_id()));
create policy "worker reads" on public.batches for select to studio_worker
    using (true);
create policy "worker counts" on public.batches for update to studio_worker
    using (true) with check (true);

revoke all on public.batches from public, anon, authenticated, studio_worker;
grant select on public.batches to anon, authenticated, studio_worker;
grant insert (title, collection_id, model, reference_url, parameters, variables, tags, regenerated_from, total, seq)
    on public.batches to authenticated;
grant update (title, favorite, tags, deleted_at) on public.batches to authenticated;
grant update (seq, paused, canceling, running, succeeded, failed, canceled, saved, unsaved, started_at, finished_at)
    on public.batches to studio_worker;
