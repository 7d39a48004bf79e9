-- Environments, clusters, hosts, join tokens; the fleet's own keys.

create table environments (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    name text not null,
    label text not null,
    -- development | testing | staging | production
    type text not null,
    position integer not null,
    created_at integer not null,
    updated_at integer not null,
    constraint environments_org_id_name_key unique (org_id, name)
) strict;

create table clusters (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    name text not null,
    description text not null,
    -- active | disabled
    status text not null,
    created_at integer not null,
    updated_at integer not null,
    constraint clusters_org_id_name_key unique (org_id, name)
) strict;

create table hosts (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    name text not null,
    cluster_id blob references clusters (id),
    environment_id blob references environments (id),
    -- idle 0 | in service 1 | maintenance 2 | faulty 33 | retired 44
    business_status integer not null,
    -- JSON object
    labels text not null,
    public_ip text,
    -- what the agent said last, JSON
    facts text not null,
    hostname text not null,
    -- public half of the worker's seal key
    seal_public_key blob not null,
    certificate_expires_at integer not null,
    joined_at integer not null,
    last_seen_at integer,
    created_at integer not null,
    updated_at integer not null,
    -- a removed host keeps its row: its certificate is refused by it, and history refers to it
    deleted_at integer
) strict;
create unique index hosts_name on hosts (org_id, name) where deleted_at is null;
create index hosts_deleted on hosts (deleted_at) where deleted_at is not null;

create table join_tokens (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    -- SHA-256 of the token, which is shown once
    hash blob not null,
    uses integer not null,
    uses_left integer not null,
    expires_at integer not null,
    cluster_id blob references clusters (id),
    environment_id blob references environments (id),
    -- JSON object
    labels text not null,
    created_by text not null,
    created_at integer not null,
    withdrawn_at integer
) strict;
create unique index join_tokens_hash on join_tokens (hash);
create index join_tokens_org on join_tokens (org_id, id);

-- The CA and the keys that sign work orders. Private keys are sealed by the master key.
create table fleet_keys (
    id blob not null primary key,
    -- ca | signing
    kind text not null,
    -- the CA's certificate, or the signing key's public half
    public blob not null,
    -- keyId:iv:tag:ciphertext of the private key
    sealed text not null,
    trust_domain text not null,
    -- an older signing key's word for this one
    vouched_by blob,
    vouch_signature blob,
    created_at integer not null,
    -- no longer issues or signs
    retired_at integer
) strict;
create unique index fleet_keys_in_force on fleet_keys (kind) where retired_at is null;
