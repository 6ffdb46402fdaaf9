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
