-- Accounts of hosts that people sign in with; their passwords are credentials.

create table host_accounts (
    id          blob not null primary key,
    org_id      blob not null references orgs (id) on delete cascade,
    host_id     blob not null references hosts (id) on delete cascade,
    username    text not null,
    note        text not null default '',
    created_by  text not null,
    created_at  integer not null,
    updated_at  integer not null,
    unique (host_id, username)
) strict;
create index host_accounts_by_org on host_accounts (org_id);
