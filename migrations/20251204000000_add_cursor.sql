-- A page of history is one statement, which makes its own cursors.
create function studio.cursor(keys json) returns text
language sql immutable parallel safe
return translate(encode(convert_to(keys::text, 'UTF8'), 'base64'), E'+/=\n', '-_');
comment on function studio.cursor(json) is 'An opaque cursor: the keys of a row, as base64 for addresses over JSON.';
revoke all on function studio.cursor(json) from public;
grant execute on function studio.cursor(json) to anon, authenticated, studio_worker;
