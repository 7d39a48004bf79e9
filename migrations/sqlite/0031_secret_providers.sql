-- Where secrets are synced from, and what each sync did.

create table secret_providers (
    id               blob not null primary key,
    org_id           blob not null references orgs (id) on delete cascade,
    name             text not null,
    -- infisical
    kind             text not null,
    url              text not null,
    client_id        text not null, -- the client's secret is in credentials
    project_id       text not null,
    environment      text not null,
    path             text not null,
    auto_sync        integer not null,
    interval_s       integer not null,
    last_sync_at     integer,
    last_sync_status text,
    created_by       text not null,
    created_at       integer not null,
    updated_at       integer not null,
    unique (org_id, name)
) strict;

-- when a group is due, who is at it until when, and how many of its syncs have failed since the last that did not
alter table secret_groups add column next_sync_at integer not null default 0;
alter table secret_groups add column sync_lease_until integer not null default 0;
alter table secret_groups add column sync_failures integer not null default 0;
create index secret_groups_due on secret_groups (next_sync_at) where provider_id is not null;

create table secret_syncs (
    id          blob not null primary key,
    org_id      blob not null,
    group_id    blob not null references secret_groups (id) on delete cascade,
    provider_id blob not null,
    -- schedule | manual
    trigger_type text not null,
    created_by  text not null,
    started_at  integer not null,
    ended_at    integer,
    -- running | success | failure
    status      text not null,
    added       integer not null default 0,
    changed     integer not null default 0,
    renamed     integer not null default 0,
    restored    integer not null default 0,
    removed     integer not null default 0,
    stale       integer not null default 0,
    unchanged   integer not null default 0,
    -- JSON: [{name, reason}] of what could not be taken
    left_out    text not null default '[]',
    error       text
) strict;
create index secret_syncs_by_group on secret_syncs (group_id, id);
