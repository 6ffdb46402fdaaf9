-- A history signs hundreds of addresses for a page. convert_to is stable: what calls it is inlined only where it says to
-- be no more than that. Hex, since base64 would have to be translated for addresses; together a third of the time.
create or replace function studio.signed_address(key text, signer text[]) returns text
language sql stable parallel safe
return signer[1] || key || signer[2] || encode(
    sha256(decode(signer[4], 'hex') || sha256(decode(signer[3], 'hex') || convert_to(signer[2] || key, 'UTF8'))),
    'hex'
);

create or replace function studio.reference_address(reference text, signer text[]) returns text
language sql stable parallel safe
return case when reference ~ '^https?://' then reference else studio.signed_address(reference, signer) end;

create or replace function studio.download_address(batch_id uuid, user_id uuid, signer text[]) returns text
language sql stable parallel safe
return studio.signed_address(user_id::text || '/batches/' || batch_id::text || '.zip', signer);

create or replace function studio.cursor(keys json) returns text
language sql stable parallel safe
return translate(encode(convert_to(keys::text, 'UTF8'), 'base64'), E'+/=\n', '-_');

drop function studio.thumbnail_addresses(text, text[]);
