-- name: count_one_more
-- For the key $1, where that keeps to the limit $2 in any window of $3 seconds: what was counted in the clock's window
-- before this one is taken to be spread evenly over it, as the library limits does. No row where it does not.
with moment as materialized (
    select floor(epoch / $3::float8)::bigint as number, 1 - mod((epoch / $3::float8)::numeric, 1) as share
    from (select extract(epoch from clock_timestamp())::float8) as clock (epoch)
), carried as materialized (
    select m.number, coalesce(r.count * m.share, 0) as count
    from moment m
    left join studio.rate_counts r on r.key = $1 and r.number = m.number - 1
)
insert into studio.rate_counts as r (key, number, count)
select $1, number, 1 from carried where floor(count) + 1 <= $2::integer
on conflict (key, number) do update
set count = r.count + 1
where floor(r.count + (select count from carried)) + 1 <= $2::integer
returning count

-- name: counted
-- in the clock's window before this one and in this one, of $2 seconds each; and which part of this one is left
select coalesce(sum(r.count) filter (where r.number = now.number - 1), 0)::integer as before,
       coalesce(sum(r.count) filter (where r.number = now.number), 0)::integer as now,
       now.share
from (
    select floor(epoch / $2::float8)::bigint as number, 1 - (epoch / $2::float8 - floor(epoch / $2::float8)) as share
    from (select extract(epoch from clock_timestamp())::float8) as clock (epoch)
) now
left join studio.rate_counts r on r.key = $1
group by now.share

-- name: prune_rate_counts
delete from studio.rate_counts where created_at < now() - interval '10 minutes'
