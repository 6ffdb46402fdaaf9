-- name: insert_images
-- $1 JSON array of images, by column. Saved twice is saved once: a repeated job finds the row of the first. Whose batch
-- has gone into the trash meanwhile follows it there, and comes back with it; whose collection is gone has none.
insert into images (
    generation_id, output, collection_id, batch_id, position, name, prompt, url, thumbnail_url, reference_url, model,
    parameters, seed, placeholder, width, height, content_type, byte_size, checksum, deleted_at
)
select generation_id, output, (select c.id from collections c where c.id = saved.collection_id), batch_id, position,
       name, prompt, url, thumbnail_url, reference_url, model, parameters, seed, placeholder, width, height,
       content_type, byte_size, checksum,
       (select b.deleted_at from batches b where b.id = saved.batch_id and not b.images_kept)
from jsonb_to_recordset($1) as saved (
    generation_id uuid, output integer, collection_id uuid, batch_id uuid, position integer, name text, prompt text,
    url text, thumbnail_url text, reference_url text, model text, parameters jsonb, seed bigint, placeholder text,
    width integer, height integer, content_type text, byte_size integer, checksum text
)
on conflict (generation_id, user_id, output) do nothing

-- name: images_by_id
select i.*, studio.signed_address(i.url, $2) as signed_url, studio.thumbnail_addresses(i.url, $2) as thumbnails
from images i
where i.id = any($1::uuid[])

-- name: image_page
-- newest first, after ($1, $2)
select i.*, studio.signed_address(i.url, $4) as signed_url, studio.thumbnail_addresses(i.url, $4) as thumbnails
from images i
where i.user_id = (select studio.current_user_id())
  and i.deleted_at is null
  and (i.created_at, i.id) < ($1, $2)
order by i.created_at desc, i.id desc
limit $3

-- name: image_count
select count(*) from images
where user_id = (select studio.current_user_id()) and deleted_at is null

-- name: images_of_batches
-- a page of each batch of $1, in the batch's own order, after ($2, $3, $4)
select parent.id as parent_id, i.*, studio.signed_address(i.url, $6) as signed_url, studio.thumbnail_addresses(i.url, $6) as thumbnails
from unnest($1::uuid[]) as parent (id)
cross join lateral (
    select * from images
    where user_id = (select studio.current_user_id())
      and batch_id = parent.id
      and deleted_at is null
      and (position, created_at, id) > ($2, $3, $4)
    order by position, created_at, id
    limit $5
) i
order by parent.id, i.position, i.created_at, i.id

-- name: image_counts_of_batches
select batch_id as parent_id, count(*) as count from images
where user_id = (select studio.current_user_id()) and batch_id = any($1::uuid[]) and deleted_at is null
group by batch_id

-- name: images_of_generations
select i.*, studio.signed_address(i.url, $2) as signed_url, studio.thumbnail_addresses(i.url, $2) as thumbnails
from images i
where i.generation_id = any($1::uuid[]) and i.deleted_at is null
order by i.generation_id, i.output

-- name: images_of_collections
-- a page of each collection of $1, by batch and then by place, after ($2, $3, $4)
select parent.id as parent_id, i.*, studio.signed_address(i.url, $6) as signed_url, studio.thumbnail_addresses(i.url, $6) as thumbnails
from unnest($1::uuid[]) as parent (id)
cross join lateral (
    select * from images
    where user_id = (select studio.current_user_id())
      and collection_id = parent.id
      and batch_id is not null
      and deleted_at is null
      and (batch_id, position, id) > ($2, $3, $4)
    order by batch_id, position, id
    limit $5
) i
order by parent.id, i.batch_id, i.position, i.id

-- name: image_counts_of_collections
select collection_id as parent_id, count(*) as count from images
where user_id = (select studio.current_user_id())
  and collection_id = any($1::uuid[]) and batch_id is not null and deleted_at is null
group by collection_id
