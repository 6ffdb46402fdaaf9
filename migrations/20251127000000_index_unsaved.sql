-- The few saves that are due. What is under way has generations_in_flight and generations_waiting already.
drop index public.generations_under_way;
create index generations_unsaved on public.generations (id) where status = 'SUCCEEDED' and retry_at is not null;
