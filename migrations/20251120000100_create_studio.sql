-- What belongs to the service alone, and the few functions that policies and statements rest on.
create schema if not exists studio;
comment on schema studio is 'Private to Batch Studio: ledgers and functions; request roles may call, never read.';
revoke all on schema studio from public, anon, authenticated;
grant usage on schema studio to anon, authenticated, studio_worker;

-- Time-ordered keys: uuidv7() from PostgreSQL 18 on; the same layout (RFC 9562, 5.7) by hand before.
do $$
begin
    if current_setting('server_version_num')::int >= 180000 then
        create function studio.new_id() returns uuid
        language sql volatile parallel safe
        return uuidv7();
    else
        create function studio.new_id() returns uuid
        language sql volatile parallel safe
        return encode(
            set_byte(
                overlay(
                    uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6
                ),
                6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112
            ),
            'hex'
        )::uuid;
    end if;
end
$$;
comment on function studio.new_id() is 'A time-ordered UUID (version 7).';

create function studio.current_user_id() returns uuid
language sql stable parallel safe
set search_path = ''
return nullif(
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid,
    '00000000-0000-0000-0000-000000000000'
);
comment on function studio.current_user_id() is
    'The caller''s user id from the claims of this transaction; null without one. The nil UUID owns what is shared and is nobody.';

-- HMAC-SHA256 (RFC 2104) over PostgreSQL's own sha256. The two padded keys arrive as parameters and
-- are good for one hour, so that the secret reaches neither a log nor the statement's text.
-- signer = {address before the key, query before the signature, inner key in hex, outer key in hex}
create function studio.signed_address(key text, signer text[]) returns text
language sql immutable parallel safe
return signer[1] || key || signer[2] || translate(
    encode(
        sha256(decode(signer[4], 'hex') || sha256(decode(signer[3], 'hex') || convert_to(signer[2] || key, 'UTF8'))),
        'base64'
    ),
    '+/=', '-_'
);
comment on function studio.signed_address(text, text[]) is
    'The signed address of a stored file; null for a null key. Worthless without the hour''s keys.';

create function studio.thumbnail_addresses(key text, signer text[]) returns text[]
language sql immutable parallel safe
return array[
    studio.signed_address(key || '.200.webp', signer),
    studio.signed_address(key || '.400.webp', signer),
    studio.signed_address(key || '.800.webp', signer)
];
comment on function studio.thumbnail_addresses(text, text[]) is
    'The signed addresses of the copies at most 200, 400 and 800 wide of a stored picture.';

create function studio.is_key_of(key text, owner uuid) returns boolean
language sql immutable parallel safe
return starts_with(key, owner::text || '/')
    and key ~ '^[0-9A-Za-z_-]+(/[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*)+$';
comment on function studio.is_key_of(text, uuid) is
    'Whether this storage key names a file in its owner''s own folder, in no roundabout way.';

create function studio.is_reference_of(reference text, owner uuid) returns boolean
language sql immutable parallel safe
return reference ~ '^https?://' or studio.is_key_of(reference, owner);
comment on function studio.is_reference_of(text, uuid) is
    'Whether this is an address on the web or the storage key of an upload of the owner''s own.';

revoke all on all functions in schema studio from public;
grant execute on all functions in schema studio to anon, authenticated, studio_worker;
