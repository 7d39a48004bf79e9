-- Accounts of hosts that people sign in with; their passwords are credentials.

create table host_accounts (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    host_id     uuid not null references hosts (id) on delete cascade,
    username    text not null,
    note        text not null default '',
    created_by  text not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    unique (host_id, username)
);
create index host_accounts_by_org on host_accounts (org_id);
