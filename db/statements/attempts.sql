-- name: insert_attempt
insert into studio.attempts (generation_id, number, round, provider, input)
values (
    $1, (select coalesce(max(number), 0) + 1 from studio.attempts where generation_id = $1), $2, $3, $4
)
returning id, created_at

-- name: record_prediction
-- also what a webhook told first; no row where the id belongs to another call
update studio.attempts set prediction_id = $2, input = null
where id = $1 and (prediction_id is null or prediction_id = $2)
  and not exists (
    select from studio.attempts other
    where other.provider = attempts.provider and other.prediction_id = $2 and other.id <> $1
  )
returning id

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
