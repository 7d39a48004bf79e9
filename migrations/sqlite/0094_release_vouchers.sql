-- Releases from before there were signatures may be vouched for, and what is live of a document is found without reading
-- whole designs.

-- who vouched for it, and why; under the signature from then on
alter table releases add column vouched_by text;
alter table releases add column vouched_name text;
alter table releases add column vouched_at integer;
alter table releases add column vouched_reason text;

-- The tables and views of database_states.design, one by one.
create table database_state_parts (
    document  text not null,            -- the id of its document
    server_id blob not null,
    database  text not null,
    kind      text not null,            -- table | view
    part      text not null,            -- JSON
    primary key (document, server_id, database),
    foreign key (server_id, database) references database_states (server_id, database) on delete cascade
) strict, without rowid;
create index database_state_parts_state on database_state_parts (server_id, database);
insert into database_state_parts (document, server_id, database, kind, part)
    select json_extract(p.value, '$.id'), s.server_id, s.database, 'table', p.value
    from database_states s, json_each(s.design, '$.tables') p
    where true on conflict do nothing;
insert into database_state_parts (document, server_id, database, kind, part)
    select json_extract(p.value, '$.id'), s.server_id, s.database, 'view', p.value
    from database_states s, json_each(s.design, '$.views') p
    where true on conflict do nothing;
