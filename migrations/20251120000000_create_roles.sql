-- The roles a request or a job runs under. A Supabase database has anon and authenticated already.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['anon', 'authenticated', 'studio_worker', 'studio_nobody'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin noinherit', wanted);
        end if;
    end loop;
    -- An owner without superuser rights is under the forced policies too: it works on the tables as
    -- studio_worker. Before PostgreSQL 16 a grant could not be limited to set role.
    if current_setting('server_version_num')::int >= 160000 then
        execute format('grant studio_worker to %I with inherit false, set true', current_user);
    else
        execute format('grant studio_worker to %I', current_user);
    end if;
end
$$;

comment on role studio_worker is 'Jobs: may change generations and the counters of batches; sees studio.* and pgq.*.';
comment on role studio_nobody is 'What every connection starts as: no rights at all until a session sets a role.';

-- Where the database gives everybody a place in public, nobody shall make tables there.
revoke create on schema public from public;
grant usage on schema public to anon, authenticated, studio_worker;
