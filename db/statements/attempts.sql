-- name: insert_attempts
-- $1 generations, $2 their rounds, $3 the exact inputs. No row for a generation of whose round a run is known by now:
-- a webhook has told late of a call that was taken for lost.
insert into studio.attempts (generation_id, number, round, provider, input)
select asked.generation_id,
       (select coalesce(max(number), 0) + 1 from studio.attempts a where a.generation_id = asked.generation_id),
       asked.round, $4, asked.input
from unnest($1::uuid[], $2::integer[], $3::jsonb[]) as asked (generation_id, round, input)
where not exists (
    select from studio.attempts a
    where a.generation_id = asked.generation_id and a.round = asked.round and a.prediction_id is not null
)
returning generation_id, id, created_at

-- name: record_predictions
-- $1 calls, $2 the runs they became; also what a webhook told first; no row where the run belongs to another call
update studio.attempts a set prediction_id = told.prediction_id, input = null
from unnest($1::uuid[], $2::text[]) as told (id, prediction_id)
where a.id = told.id and (a.prediction_id is null or a.prediction_id = told.prediction_id)
  and not exists (
    select from studio.attempts other
    where other.provider = a.provider and other.prediction_id = told.prediction_id and other.id <> a.id
  )
returning a.id

-- name: close_attempt
-- no row where a webhook has told its run meanwhile
update studio.attempts set outcome = $2, input = null where id = $1 and prediction_id is null returning id

-- name: known_predictions
select prediction_id from studio.attempts
where provider = $1 and prediction_id is not null and created_at > $2::timestamptz - interval '1 hour'

-- name: generation_of_attempt
select g.id, g.round, g.status from studio.attempts a
join generations g on g.id = a.generation_id and g.round = a.round
where a.id = $1

-- name: take_permits
-- up to $2 permits, $3 seconds apart, at most a second ahead; seconds until the first
update studio.rates
set next_at = greatest(next_at, clock_timestamp()) + make_interval(secs => $2::int * $3::float8)
where provider = $1 and next_at < clock_timestamp() + interval '1 second'
returning extract(epoch from next_at - clock_timestamp())::float8 - $2::int * $3::float8 as wait

-- name: open_rate
insert into studio.rates (provider) values ($1) on conflict do nothing

-- name: hold_rate_back
update studio.rates
set next_at = greatest(next_at, clock_timestamp() + make_interval(secs => $2::float8))
where provider = $1
