do $$
declare
    it record;
begin
    for it in select evtname from pg_event_trigger loop
        execute format('drop event trigger %I cascade', it.evtname);
    end loop;
    for it in select pubname from pg_publication loop
        execute format('drop publication %I', it.pubname);
    end loop;
    for it in select extname from pg_extension where extname <> 'plpgsql' loop
        execute format('drop extension if exists %I cascade', it.extname);
    end loop;
    for it in select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' loop
        execute format('drop schema %I cascade', it.nspname);
    end loop;
end $$;
create schema public authorization pg_database_owner;
grant usage on schema public to public;
comment on schema public is 'standard public schema';
