-- Old keys are looked for every few seconds.
create index idempotency_keys_by_time on studio.idempotency_keys (created_at);
