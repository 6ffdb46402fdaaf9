-- name: batch_for_download
select b.*, coalesce(b.reference_key, b.reference_url) as reference,
       (select c.name from collections c where c.id = b.collection_id) as collection_name
from batches b
where b.id = $1 and b.deleted_at is null

-- name: images_for_download
-- a page of batch $1, in the batch's own order, after ($2, $3, $4)
select i.*, g.template_name
from (
    select * from images
    where user_id = (select studio.current_user_id())
      and batch_id = $1
      and deleted_at is null
      and (position, created_at, id) > ($2, $3, $4)
    order by position, created_at, id
    limit $5
) i
left join generations g on g.id = i.generation_id
order by i.position, i.created_at, i.id
