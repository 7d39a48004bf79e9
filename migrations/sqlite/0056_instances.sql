-- What the cloud says of machines: instances, each perhaps a host of ours.

create table instances (
    id          blob not null primary key,
    org_id      blob not null references orgs (id) on delete cascade,
    -- aws, aliyun, tencent…
    provider    text not null,
    -- the provider's own id
    instance_id text not null,
    -- what lists are in the order of: the instance's name, or its id
    name        text not null,
    -- the host that it is; its row stays when it is removed
    host_id     blob references hosts (id),
    expired_at  integer,
    -- names, ids and addresses, in small letters
    search      text not null,
    -- JSON: what the provider says
    record      text not null,
    created_at  integer not null,
    updated_at  integer not null,
    unique (org_id, provider, instance_id)
) strict;
create index instances_by_name on instances (org_id, name, id);
create index instances_by_host on instances (host_id);
