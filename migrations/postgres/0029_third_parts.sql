-- Orgs' accounts at git hosts.

-- The tokens are in credentials, by this id.
create table third_parts (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    -- github | gitee | …
    provider text not null,
    owner text not null,
    account_id text not null,
    avatar text not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint third_parts_org_provider_key unique (org_id, provider)
);
