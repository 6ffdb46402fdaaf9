-- Rate limits of the API where several processes share them. A crash of the server empties the table: everybody begins anew.
create unlogged table studio.rate_counts (
    key        text        not null check (char_length(key) <= 200),
    number     bigint      not null,
    count      integer     not null check (count > 0),
    created_at timestamptz not null default now(),
    primary key (key, number)
);
comment on table studio.rate_counts is 'How often somebody has done something in one window of the clock.';
comment on column studio.rate_counts.key is 'What is limited, for which user or address, at which rate.';
comment on column studio.rate_counts.number is 'Which window: so many of its length after the epoch.';
create index rate_counts_by_time on studio.rate_counts (created_at);

alter table studio.rate_counts enable row level security;
alter table studio.rate_counts force row level security;
create policy "worker keeps" on studio.rate_counts to studio_worker using (true) with check (true);

revoke all on studio.rate_counts from public, anon, authenticated;
grant select, insert, update, delete on studio.rate_counts to studio_worker;
