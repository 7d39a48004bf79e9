-- What is on a server may be taken over instead of released, and is compared with what is really there.

alter table database_states alter column release_id drop not null;  -- null: what was there was taken over

-- When what was there was reached, where no release did: a change that was computed against something else is seen by it.
alter table ticket_servers add column base_reached_at bigint;

create table database_drifts (
    server_id   uuid not null references db_servers (id) on delete cascade,
    database    text not null,          -- its name there
    state       text not null,          -- inStep, drifted, unclear, unreached
    detail      text not null default '',
    found       bigint not null,   -- how many differences
    differences text not null,          -- JSON
    not_compared text not null,         -- JSON
    back_sql    text not null,
    back_risk   text,
    version     text not null default '',   -- of the server
    checked_at  bigint not null,
    since       bigint not null,     -- the state
    asked_by    text not null,
    primary key (server_id, database)
);
create index database_drifts_by_age on database_drifts (checked_at);
