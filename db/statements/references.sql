-- name: claim_reference
-- the right to fetch the reference of $2, a batch or a single generation of $1, for so many seconds; no row where
-- somebody has it, nobody may try again yet, or it is kept already
insert into studio.kept_references as r (user_id, topic_id, claimed_until)
values ($1, $2, now() + make_interval(secs => $3::float8))
on conflict (topic_id) do update
set claimed_until = excluded.claimed_until, problem = null
where r.kept_at is null and r.claimed_until < now()
returning id

-- name: reference_of_topic
select key, problem from studio.kept_references where topic_id = $1

-- name: keep_reference
-- what was fetched is in storage; no row where another worker was first
update studio.kept_references
set key = $2, content_type = $3, byte_size = $4, kept_at = now(), claimed_until = null
where id = $1 and kept_at is null
returning topic_id

-- name: give_reference_key
-- to the batch or the single generation $1, whichever it is
with batch as (
    update batches set reference_key = $2 where id = $1 and reference_url is not null
)
update generations set reference_key = $2 where id = $1 and batch_id is null and reference_url is not null

-- name: fail_reference
-- nobody tries again for so many seconds
update studio.kept_references set problem = $2, claimed_until = now() + make_interval(secs => $3::float8)
where id = $1 and kept_at is null

-- name: lock_uploads
-- whoever is promised room for an upload is so alone
select pg_advisory_xact_lock(hashtextextended('uploads of ' || $1::uuid::text, 0))

-- name: unused_uploads
select count(*) as count, coalesce(sum(byte_size), 0) as bytes from studio.kept_references
where user_id = $1 and topic_id is null and not used

-- name: insert_upload
-- $2 its type, $3 its size, $4 its suffix
insert into studio.kept_references (id, user_id, key, content_type, byte_size)
select id, $1, $1::uuid::text || '/references/' || id || $4::text, $2, $3
from (select studio.new_id() as id) new
returning *, studio.signed_address(key, $5) as reference_url

-- name: upload_by_key
select * from studio.kept_references where key = $1 and topic_id is null

-- name: keep_upload
-- no row where another was first
update studio.kept_references set kept_at = now(), problem = null where id = $1 and kept_at is null returning id

-- name: fail_upload
update studio.kept_references set problem = $2 where id = $1 and kept_at is null

-- name: reserve_reference
-- $2, a reference of $1's own, stays for another day at least
update studio.kept_references set look_at = now() + interval '1 day' where user_id = $1 and key = $2 returning *

-- name: use_reference
update studio.kept_references set used = true, look_at = now() + interval '1 day' where user_id = $1 and key = $2

-- name: references_to_look_at
-- Those that nothing may use any more, and whether a batch or a single generation does. Work is started with a reference
-- after its look_at was moved on: where that was committed after this statement began, the row does not count any more.
select r.id, r.user_id, r.key,
       exists (
           select from batches b
           where b.reference_url is not null and coalesce(b.reference_key, b.reference_url) = r.key
       ) or exists (
           select from generations g
           where g.reference_url is not null and coalesce(g.reference_key, g.reference_url) = r.key
       ) as is_used
from studio.kept_references r
where r.look_at < now()
order by r.look_at
limit $1
for update of r skip locked

-- name: references_of_images
-- which of these keys the caller's images have
select distinct reference_url from images
where user_id = (select studio.current_user_id()) and reference_url = any($1::text[])

-- name: settle_references
-- something uses these: whoever purges that will ask for another look
update studio.kept_references set look_at = null where id = any($1::uuid[])

-- name: remove_references
-- with whatever may lie under their ids: a worker or a client may have been cut off before it was known what
with gone as (
    delete from studio.kept_references where id = any($1::uuid[]) returning id, user_id
)
insert into studio.doomed_files (key)
select gone.user_id || '/' || folder || '/' || gone.id || suffix
from gone, unnest('{references,uploads}'::text[]) as folder, unnest('{.png,.jpg,.webp}'::text[]) as suffix
on conflict do nothing
