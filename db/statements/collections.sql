-- name: insert_collection
insert into collections (name, description) values ($1, coalesce($2, '')) returning *

-- name: change_collection
-- what is null stays as it was; locks the row, and gives none where it is gone by now
update collections set name = coalesce($2, name), description = coalesce($3, description) where id = $1
returning id

-- name: delete_collection
delete from collections where id = $1

-- name: delete_templates
delete from templates where collection_id = $1

-- name: insert_templates
-- $1 collection, $2 JSON array of templates in order
insert into templates (collection_id, position, name, prompt, model, parameters)
select $1, t.position - 1, t.template ->> 'name', t.template ->> 'prompt', t.template ->> 'model',
       t.template -> 'parameters'
from jsonb_array_elements($2) with ordinality as t (template, position)

-- name: collections_by_id
select * from collections where id = any($1::uuid[])

-- name: templates_of_collections
select * from templates where collection_id = any($1::uuid[]) order by collection_id, position, id

-- name: insert_sample_collection
insert into collections (id, user_id, name, description)
values ($1, '00000000-0000-0000-0000-000000000000', $2, $3)
on conflict do nothing

-- name: insert_sample_templates
insert into templates (id, user_id, collection_id, position, name, prompt)
select t.id, '00000000-0000-0000-0000-000000000000', $1, t.position, t.name, t.prompt
from jsonb_to_recordset($2) as t (id uuid, position integer, name text, prompt text)
on conflict do nothing
