-- What is on a server may be taken over instead of released, and is compared with what is really there.

create table database_states_next (
    server_id  blob not null references db_servers (id) on delete cascade,
    database   text not null,           -- its name there
    release_id blob references releases (id) on delete cascade,  -- null: what was there was taken over
    design     text not null,           -- JSON
    reached_at integer not null,
    primary key (server_id, database)
) strict;
insert into database_states_next select server_id, database, release_id, design, reached_at from database_states;
drop table database_states;
alter table database_states_next rename to database_states;

-- When what was there was reached, where no release did: a change that was computed against something else is seen by it.
alter table ticket_servers add column base_reached_at integer;

create table database_drifts (
    server_id   blob not null references db_servers (id) on delete cascade,
    database    text not null,          -- its name there
    state       text not null,          -- inStep, drifted, unclear, unreached
    detail      text not null default '',
    found       integer not null,   -- how many differences
    differences text not null,          -- JSON
    not_compared text not null,         -- JSON
    back_sql    text not null,
    back_risk   text,
    version     text not null default '',   -- of the server
    checked_at  integer not null,
    since       integer not null,     -- the state
    asked_by    text not null,
    primary key (server_id, database)
) strict;
create index database_drifts_by_age on database_drifts (checked_at);
