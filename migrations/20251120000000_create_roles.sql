-- The roles a request or a job runs under. A Supabase database has anon and authenticated already, and
-- another database of this server may have brought all four.
do $$
declare
    wanted text;
    about  text;
begin
    for wanted, about in values
        ('anon', 'Requests of nobody in particular: sees what is shared.'),
        ('authenticated', 'Requests of a user: sees and changes what is theirs.'),
        ('studio_worker', 'Jobs: may change generations and the counters of batches; sees studio.* and pgq.*.'),
        ('studio_nobody', 'What every connection starts as: no rights at all until a session sets a role.')
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
            execute format('create role %I nologin noinherit', wanted);
            execute format('comment on role %I is %L', wanted, about);
        end if;
    end loop;
end
$$;

-- An owner without superuser rights is under the forced policies too: it works on the tables as
-- studio_worker. Before PostgreSQL 16 a grant could not be limited to set role.
do $$
declare
    has_limits boolean := current_setting('server_version_num')::int >= 160000;
    wanted     text;
begin
    foreach wanted in array array['studio_worker', 'studio_nobody'] loop
        if not pg_has_role(wanted, case when has_limits then 'set' else 'member' end) then
            execute format('grant %I to %I', wanted, current_user)
                || case when has_limits then ' with inherit false, set true' else '' end;
        end if;
    end loop;
end
$$;

-- Where the database gives everybody a place in public, nobody shall make tables there.
revoke create on schema public from public;
grant usage on schema public to anon, authenticated, studio_worker;
