-- Published designs: what a ticket's SQL comes to on each server, and what last succeeded there.

alter table ticket_servers add column database text;              -- what it is called there; the ticket's if null
alter table ticket_servers add column rollback_sql text;
alter table ticket_servers add column not_taken_back text not null default '[]';  -- JSON: texts
alter table ticket_servers add column design text;                -- JSON: what is there afterwards; null for SQL as text
alter table ticket_servers add column base_release_id blob;       -- what had last succeeded there when it was computed

create table database_states (
    server_id  blob not null references db_servers (id) on delete cascade,
    database   text not null,           -- its name there
    release_id blob not null references releases (id) on delete cascade,
    design     text not null,           -- JSON
    reached_at integer not null,
    primary key (server_id, database)
) strict;
