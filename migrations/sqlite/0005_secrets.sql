create table secret_groups (
    id          blob not null primary key,
    org_id      blob not null references orgs (id) on delete cascade,
    name        text not null,
    description text not null,
    provider_id blob,
    auto_sync   integer not null default 0,
    created_by  text not null,
    created_at  integer not null,
    updated_at  integer not null,
    unique (org_id, name)
) strict;

-- The value is in secret_versions: the row whose version is this row's version.
create table secrets (
    id                 blob not null primary key,
    org_id             blob not null references orgs (id) on delete cascade,
    group_id           blob not null references secret_groups (id),
    name               text not null,
    description        text not null,
    source             text not null,
    provider_id        blob,
    provider_reference text,
    stale              integer not null default 0,
    version            integer not null,
    created_by         text not null,
    created_at         integer not null,
    updated_at         integer not null,
    unique (group_id, name)
) strict;
create index secrets_by_org on secrets (org_id, id);

create table secret_versions (
    secret_id  blob not null references secrets (id) on delete cascade,
    version    integer not null,
    org_id     blob not null,
    value      text not null, -- keyId:iv:tag:ciphertext, bound to (org, secret, version)
    created_by text not null,
    created_at integer not null,
    primary key (secret_id, version)
) strict;

-- Passwords and tokens that belong to things of other rooms: registries, database servers.
create table credentials (
    org_id     blob not null,
    kind       text not null,
    owner_id   blob not null,
    value      text not null, -- keyId:iv:tag:ciphertext, bound to (org, kind, owner)
    updated_at integer not null,
    primary key (org_id, kind, owner_id)
) strict;
