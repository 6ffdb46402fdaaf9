-- What bench/million.py runs, step by step, in one transaction, as the superuser. Nothing is random, so that two
-- databases of the same age hold the same. A user has 40 batches of 100 images, 200 batches of 4, and 200 images
-- of no batch.

-- step: users and collections
create temp table owners as
select number, md5('million ' || number)::uuid as user_id
from generate_series(1, current_setting('bench.users')::integer) as number;

create function pg_temp.pick(choices text[], number bigint) returns text
language sql immutable
return choices[1 + (hashint8extended(number, cardinality(choices)) & 2147483647) % cardinality(choices)];

create function pg_temp.prompt(number bigint) returns text
language sql immutable
return format(
    'a %s %s %s, %s, %s, %s%s',
    pg_temp.pick('{small,large,weathered,gilded,quiet,crowded,broken,glass,paper,iron,velvet,painted}', number),
    pg_temp.pick('{lighthouse,teapot,bicycle,cathedral,fox,heron,greenhouse,violin,staircase,market,glacier,tram,orchard,chessboard,"hot air balloon",astronaut,portrait,harbour,"pair of boots",clock}', number * 3),
    pg_temp.pick('{"at dawn","in the rain","under a red moon","on a salt flat","behind a window","in deep snow","above the clouds","in an empty street","by candlelight","in a meadow"}', number * 5),
    pg_temp.pick('{"oil on canvas","35 mm film","watercolour","isometric render","ink drawing","studio photograph","risograph print","pencil sketch"}', number * 7),
    pg_temp.pick('{"soft key light","hard side light","long shadows","overcast sky","rim light"}', number * 11),
    pg_temp.pick('{"shallow depth of field","wide angle","muted palette","high contrast","fine grain"}', number * 13),
    case when number % 997 = 0 then ', with an axolotl' else '' end
);

insert into collections (id, user_id, name, description, created_at)
select md5(format('collection %s %s', owners.number, c.place))::uuid, owners.user_id, c.name, 'Of the bench.',
       now() - interval '2 years'
from owners
cross join unnest('{Portraits,"Product shots",Posters,Interiors,"Field notes"}'::text[]) with ordinality as c (name, place);

insert into templates (user_id, collection_id, position, name, prompt)
select c.user_id, c.id, place, 'Template ' || place + 1, 'a {{thing}}, take ' || place + 1
from collections c
cross join generate_series(0, 9) as place
where c.user_id in (select user_id from owners);

-- step: batches
create temp table asked as
select uuidv7(created_at - now()) as id, *
from (
    select owners.user_id, owners.number as owner, n as number, size,
           size + case when n % 18 = 0 then 4 else 0 end as total,
           -- Evenly over two years, no two users at the same moments.
           now() - interval '730 days' * (1 - (n + ((owners.number * 7919 + n * 104729) % 1000) / 1000.0) / 242.0)
               as created_at,
           case when n % 4 > 0 then md5(format('collection %s %s', owners.number, 1 + n % 5))::uuid end as collection_id
    from owners
    cross join generate_series(1, 240) as n
    cross join lateral (select case when n % 6 = 0 then 100 else 4 end) as s (size)
) planned;

insert into batches (
    id, user_id, title, collection_id, model, reference_url, parameters, variables, favorite, tags, seq, total, succeeded,
    failed, saved, created_at, started_at, finished_at, deleted_at
)
select a.id, a.user_id,
       case
           when a.number % 9 = 0 then 'Campaign ' || a.number
           else coalesce(c.name, 'Batch') || to_char(a.created_at, ', YYYY-MM-DD HH24:MI')
       end,
       a.collection_id, pg_temp.pick('{demo,black-forest-labs/flux-schnell,google/imagen-4}', a.number),
       case when a.number % 3 = 0 then 'https://pictures.example/reference/' || a.number || '.jpg' end,
       '{"aspect_ratio": "1:1", "num_inference_steps": 4}', jsonb_build_object('thing', array['fox', 'heron']),
       a.number % 20 = 0,
       case a.number % 5 when 0 then '{client-a}'::text[] when 1 then '{draft,client-b}' else '{}' end,
       4 * a.total, a.total, a.size, a.total - a.size, a.size,
       a.created_at, a.created_at + interval '1 second', a.created_at + a.total * interval '0.4 seconds',
       case when a.number % 35 = 0 then a.created_at + interval '1 day' end
from asked a
left join collections c on c.id = a.collection_id
order by a.created_at;
analyze asked, batches, collections, templates;

-- step: generations
insert into generations (
    id, user_id, batch_id, position, template_id, template_name, name, prompt, model, parameters, seed, status, attempts,
    saves, saved, outputs, error_code, error_message, error_retryable, seq, created_at, started_at, finished_at, admitted
)
select made.id, b.user_id, b.id, place, t.id, coalesce(t.name, 'Prompt'),
       coalesce(c.name || ' - ' || t.name, 'Prompt ' || place + 1), pg_temp.prompt(m.number), b.model, b.parameters,
       m.number, case when works then 'SUCCEEDED' else 'FAILED' end, 1,
       works::integer, works, case when works then array[format('%s/%s/0.png', b.user_id, made.id)] else '{}' end,
       case when not works then 'MODEL_FAILED' end, case when not works then 'The model failed.' end,
       case when not works then true end, b.total + 3 * (place + 1), b.created_at, made.at, made.at + interval '2 seconds', true
from asked a
join batches b on b.id = a.id
cross join generate_series(0, a.total - 1) as place
cross join lateral (
    select b.created_at + place * interval '0.4 seconds', place < a.size, a.owner * 100000 + a.number * 200 + place
) as m (at, works, number)
cross join lateral (select uuidv7(m.at - now()), m.at) as made (id, at)
left join collections c on c.id = b.collection_id
left join templates t on t.collection_id = c.id and t.position = place % 10
order by made.at;

insert into generations (
    id, user_id, collection_id, template_name, name, prompt, model, parameters, seed, status, attempts, saves, saved, outputs,
    seq, created_at, started_at, finished_at, admitted
)
select made.id, owners.user_id, null, 'Single', 'Single ' || n, pg_temp.prompt(owners.number * 1000 + n), 'demo',
       '{"aspect_ratio": "16:9"}', n, 'SUCCEEDED', 1, 1, true, array[format('%s/%s/0.png', owners.user_id, made.id)],
       4, made.at, made.at, made.at + interval '2 seconds', true
from owners
cross join generate_series(1, 200) as n
cross join lateral (
    select now() - interval '730 days' * (1 - (n + ((owners.number * 104729 + n * 7919) % 1000) / 1000.0) / 202.0)
) as m (at)
cross join lateral (select uuidv7(m.at - now()), m.at) as made (id, at)
order by made.at;

-- step: images
analyze generations;
insert into images (
    id, user_id, generation_id, collection_id, batch_id, position, name, prompt, url, thumbnail_url, reference_url, model,
    parameters, seed, placeholder, width, height, content_type, byte_size, checksum, favorite, created_at, deleted_at
)
select uuidv7(g.finished_at - now()), g.user_id, g.id, coalesce(b.collection_id, g.collection_id), g.batch_id, g.position, g.name,
       g.prompt, g.outputs[1], g.outputs[1] || '.400.webp', coalesce(b.reference_url, g.reference_url), g.model,
       g.parameters || jsonb_build_object('seed', g.seed), g.seed, encode(substr(sha256(g.prompt::bytea), 1, 21), 'base64'),
       768, 768, 'image/png', 400000 + g.seed % 300000, encode(sha256(g.outputs[1]::bytea), 'hex'), g.seed % 25 = 0,
       g.finished_at,
       case
           when b.deleted_at is not null then b.deleted_at
           when b.total = 100 and a.number % 12 = 0 and g.position % 10 = 3 then g.finished_at + interval '1 day'
           when g.batch_id is null and g.seed % 20 = 0 then g.finished_at + interval '1 day'
       end
from generations g
left join batches b on b.id = g.batch_id
left join asked a on a.id = g.batch_id
where g.saved
order by g.finished_at;
