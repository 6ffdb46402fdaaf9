-- What only the service reads: the provider calls of a generation, and the clock of fairness.
create table studio.attempts (
    id            uuid        primary key default studio.new_id(),
    generation_id uuid        not null references public.generations (id) on delete cascade,
    number        integer     not null check (number > 0),
    provider      text        not null,
    prediction_id text,
    created_at    timestamptz not null default now(),
    unique (generation_id, number)
);
comment on table studio.attempts is
    'One row per call that asks a provider for an image, committed before the call is made.';
comment on column studio.attempts.prediction_id is 'The provider''s own id; null until its answer is known.';

create table studio.turns (
    user_id  uuid    primary key,
    last_tag integer not null default 0
);
comment on table studio.turns is
    'Start-time fair queueing: the tag of the last job put into the queue for each user. A job''s priority is its tag, negated.';

alter table studio.attempts enable row level security;
alter table studio.attempts force row level security;
alter table studio.turns enable row level security;
alter table studio.turns force row level security;
create policy "worker keeps" on studio.attempts to studio_worker using (true) with check (true);
create policy "worker keeps" on studio.turns to studio_worker using (true) with check (true);

-- Either ledger may be absent: the Supabase command line keeps one of its own.
create function studio.applied_versions() returns setof text
language plpgsql stable security definer
set search_path = ''
as $$
declare
    ledger text;
begin
    foreach ledger in array array['studio.migrations', 'supabase_migrations.schema_migrations'] loop
        if to_regclass(ledger) is not null then
            return query execute format('select version::text from %s', ledger);
        end if;
    end loop;
end
$$;
comment on function studio.applied_versions() is 'Which migrations this database has: the service may ask, not look.';
revoke all on function studio.applied_versions() from public, anon, authenticated;
grant execute on function studio.applied_versions() to studio_worker;

revoke all on all tables in schema studio from public, anon, authenticated;
grant select, insert, update, delete on studio.attempts, studio.turns to studio_worker;
