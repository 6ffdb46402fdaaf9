-- name: change_batch
-- what is null stays as it was
update batches
set title = coalesce($2, title), favorite = coalesce($3, favorite), tags = coalesce($4::text[], tags)
where id = $1

-- name: delete_batch
update batches set deleted_at = now(), images_kept = $2 where id = $1

-- name: restore_batch
update batches set deleted_at = null, images_kept = false where id = $1

-- name: delete_images_of_batch
-- locked in the order of lock_images, so that no two ever wait for each other
with chosen as (
    select id from images
    where user_id = (select studio.current_user_id()) and batch_id = $1 and deleted_at is null
    order by id
    for no key update
)
update images i set deleted_at = now() from chosen where i.id = chosen.id

-- name: restore_images_of_batch
-- those that went at this very moment, with their batch
with chosen as (
    select id from images
    where user_id = (select studio.current_user_id()) and batch_id = $1 and deleted_at = $2
    order by id
    for no key update
)
update images i set deleted_at = null from chosen where i.id = chosen.id

-- name: touch_batch
-- a change of the batch alone
update batches set seq = seq + 1, touched_at = now() where id = $1

-- name: lock_images
select id, deleted_at from images where id = any($1::uuid[]) order by id for no key update

-- name: change_image
-- what is null stays as it was
update images set name = coalesce($2, name), favorite = coalesce($3, favorite) where id = $1

-- name: delete_images
-- one that is in the trash already stays there as long as it would have
update images set deleted_at = now() where id = any($1::uuid[]) and deleted_at is null

-- name: restore_images
update images set deleted_at = null where id = any($1::uuid[])
