-- Admission into the queue, calls that must be settled, and what a caller may do to running work.
alter table public.generations
    add column admitted     boolean not null default false,
    add column round        integer not null default 0,
    add column cancel_asked boolean not null default false;

comment on column public.generations.admitted is
    'Whether a job carries it: of one user''s queued work only so much is in the queue at once.';
comment on column public.generations.round is
    'How often it was admitted. A job names its round, and one of an earlier round changes nothing.';
comment on column public.generations.cancel_asked is
    'Whether its owner wants it stopped while the provider has it.';

create index generations_waiting on public.generations (user_id, created_at, position, id)
    where status = 'QUEUED' and not admitted;
create index generations_in_flight on public.generations (user_id)
    where admitted and status in ('QUEUED', 'THROTTLED', 'RUNNING', 'SAVING');

-- Control begins with a lock under the viewer's own role, for which PostgreSQL asks for a right to update.
create policy "owner renames" on public.generations for update to authenticated
    using (user_id = (select studio.current_user_id()))
    with check (user_id = (select studio.current_user_id()));
grant update (name) on public.generations to authenticated;
grant update (admitted, round, cancel_asked) on public.generations to studio_worker;

alter table studio.attempts
    add column round   integer not null default 0,
    add column input   jsonb,
    add column outcome text    not null default 'asked'
        check (outcome in ('asked', 'held_back', 'not_taken', 'absent'));
comment on column studio.attempts.input is
    'The exact input of the call, by which the provider''s list can show the run; dropped once its id is known.';
comment on column studio.attempts.outcome is
    'held_back and not_taken: surely no run. absent: the provider''s list proved it. asked: a run, or to be settled.';
create unique index attempts_by_prediction on studio.attempts (provider, prediction_id);
create index attempts_by_time on studio.attempts (provider, created_at) where prediction_id is not null;

create table studio.rates (
    provider text        primary key,
    next_at  timestamptz not null default now()
);
comment on table studio.rates is 'When each provider may next be asked for a run, over all workers.';

create table studio.idempotency_keys (
    user_id       uuid        not null,
    key           text        not null check (char_length(key) between 1 and 200),
    input_hash    text        not null,
    result_id     uuid,
    created_at    timestamptz not null default now(),
    primary key (user_id, key)
);
comment on table studio.idempotency_keys is
    'What a user''s idempotency key began, and the hash of the input it was used for.';
comment on column studio.idempotency_keys.result_id is 'The batch or the generation, which may be gone by now.';

alter table studio.rates enable row level security;
alter table studio.rates force row level security;
alter table studio.idempotency_keys enable row level security;
alter table studio.idempotency_keys force row level security;
create policy "worker keeps" on studio.rates to studio_worker using (true) with check (true);
create policy "worker keeps" on studio.idempotency_keys to studio_worker using (true) with check (true);
revoke all on studio.rates, studio.idempotency_keys from public, anon, authenticated;
grant select, insert, update, delete on studio.rates, studio.idempotency_keys to studio_worker;
