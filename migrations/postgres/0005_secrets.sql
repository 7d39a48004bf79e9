create table secret_groups (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    name        text not null,
    description text not null,
    provider_id uuid,
    auto_sync   boolean not null default false,
    created_by  text not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    unique (org_id, name)
);

-- The value is in secret_versions: the row whose version is this row's version.
create table secrets (
    id                 uuid not null primary key,
    org_id             uuid not null references orgs (id) on delete cascade,
    group_id           uuid not null references secret_groups (id),
    name               text not null,
    description        text not null,
    source             text not null,
    provider_id        uuid,
    provider_reference text,
    stale              boolean not null default false,
    version            bigint not null,
    created_by         text not null,
    created_at         bigint not null,
    updated_at         bigint not null,
    unique (group_id, name)
);
create index secrets_by_org on secrets (org_id, id);

create table secret_versions (
    secret_id  uuid not null references secrets (id) on delete cascade,
    version    bigint not null,
    org_id     uuid not null,
    value      text not null, -- keyId:iv:tag:ciphertext, bound to (org, secret, version)
    created_by text not null,
    created_at bigint not null,
    primary key (secret_id, version)
);

-- Passwords and tokens that belong to things of other rooms: registries, database servers.
create table credentials (
    org_id     uuid not null,
    kind       text not null,
    owner_id   uuid not null,
    value      text not null, -- keyId:iv:tag:ciphertext, bound to (org, kind, owner)
    updated_at bigint not null,
    primary key (org_id, kind, owner_id)
);
