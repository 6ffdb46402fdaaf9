-- name: lock_batch
-- under the viewer's own role: what is not theirs is not found
select * from batches where id = $1 for no key update

-- name: lock_generation
select * from generations where id = $1 for no key update

-- name: batch_id_of_generation
select batch_id from generations where id = $1

-- name: generations_in_states
select id, user_id, status, round, error_code from generations
where batch_id = $1 and status = any($2::text[]) and ($3::text[] is null or error_code = any($3))
order by position, id

-- name: saves_given_up
select id, round from generations
where batch_id = $1 and status = 'SUCCEEDED' and not saved and retry_at is null
  and ($2::text[] is null or error_code = any($2))
order by position, id

-- name: ask_to_cancel
update generations set cancel_asked = true
where id = any($1::uuid[]) and status = 'RUNNING'
returning id, round

-- name: mark_canceling
update batches set canceling = true, paused = false, seq = seq + 1 where id = $1

-- name: set_paused
update batches set paused = $2, seq = seq + 1 where id = $1 and paused <> $2 returning id

-- name: idempotency_key
select input_hash, result_id from studio.idempotency_keys where user_id = $1 and key = $2

-- name: claim_idempotency_key
-- waits for whoever claims the same key in a transaction that is still open
insert into studio.idempotency_keys (user_id, key, input_hash) values ($1, $2, $3)
on conflict do nothing
returning key

-- name: settle_idempotency_key
update studio.idempotency_keys set result_id = $3 where user_id = $1 and key = $2

-- name: prune_idempotency_keys
delete from studio.idempotency_keys where created_at < now() - interval '7 days'

-- name: usage
select queued, running from studio.usage($1)
