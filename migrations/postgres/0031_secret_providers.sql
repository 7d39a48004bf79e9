-- Where secrets are synced from, and what each sync did.

create table secret_providers (
    id               uuid not null primary key,
    org_id           uuid not null references orgs (id) on delete cascade,
    name             text not null,
    -- infisical
    kind             text not null,
    url              text not null,
    client_id        text not null, -- the client's secret is in credentials
    project_id       text not null,
    environment      text not null,
    path             text not null,
    auto_sync        boolean not null,
    interval_s       bigint not null,
    last_sync_at     bigint,
    last_sync_status text,
    created_by       text not null,
    created_at       bigint not null,
    updated_at       bigint not null,
    unique (org_id, name)
);

-- when a group is due, who is at it until when, and how many of its syncs have failed since the last that did not
alter table secret_groups add column next_sync_at bigint not null default 0;
alter table secret_groups add column sync_lease_until bigint not null default 0;
alter table secret_groups add column sync_failures bigint not null default 0;
create index secret_groups_due on secret_groups (next_sync_at) where provider_id is not null;

create table secret_syncs (
    id          uuid not null primary key,
    org_id      uuid not null,
    group_id    uuid not null references secret_groups (id) on delete cascade,
    provider_id uuid not null,
    -- schedule | manual
    trigger_type text not null,
    created_by  text not null,
    started_at  bigint not null,
    ended_at    bigint,
    -- running | success | failure
    status      text not null,
    added       bigint not null default 0,
    changed     bigint not null default 0,
    renamed     bigint not null default 0,
    restored    bigint not null default 0,
    removed     bigint not null default 0,
    stale       bigint not null default 0,
    unchanged   bigint not null default 0,
    -- JSON: [{name, reason}] of what could not be taken
    left_out    text not null default '[]',
    error       text
);
create index secret_syncs_by_group on secret_syncs (group_id, id);
