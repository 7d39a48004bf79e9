-- What goes is renamed aside with its rows, for as many days as the environment's policy says.

-- null: drops are real.
alter table environment_policies add column set_aside_days bigint;

-- What a published change sets aside on the server; null: nothing. JSON
alter table ticket_servers add column set_aside text;

create table set_asides (
    id           uuid not null primary key,
    org_id       uuid not null references orgs (id),
    server_id    uuid not null references db_servers (id) on delete cascade,
    database     text not null,         -- its name there
    kind         text not null,         -- table, column
    namespace    text not null,         -- empty in MySQL
    table_name   text not null,         -- of a column its table; of a table what it was called
    name         text not null,         -- what it was called
    name_now     text not null,
    drop_sql     text not null,
    restore_sql  text not null,
    release_id   uuid not null references releases (id) on delete cascade,
    execution_id uuid not null references executions (id) on delete cascade,
    at           bigint not null,
    expires_at   bigint not null,
    state        text not null,         -- kept, restored, dropped
    state_at     bigint not null,
    wish         text,                  -- what its ticket does: drop, restore
    ticket_id    uuid references tickets (id) on delete set null,
    told_at      bigint                -- when it was told that it has expired
);
create index set_asides_of_org on set_asides (org_id, id);
create index set_asides_by_place on set_asides (server_id, database);
create index set_asides_by_end on set_asides (expires_at) where state = 'kept' and told_at is null;
create index set_asides_by_ticket on set_asides (ticket_id) where ticket_id is not null;
