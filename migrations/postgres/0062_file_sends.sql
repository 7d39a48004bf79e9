-- Files that were sent to hosts, and what became of each on each.

create table file_sends (
    id           uuid not null primary key,
    org_id       uuid not null references orgs (id),
    created_by   text not null,
    created_at   bigint not null,
    -- a host that has not begun by then does not
    expires_at   bigint not null,
    -- as it was asked for
    destination  text not null,
    -- permission bits
    mode         bigint not null,
    -- whether a file that is there is replaced
    replaces     boolean not null,
    cancelled_at bigint
);
create index file_sends_by_org on file_sends (org_id, id);
create index file_sends_by_time on file_sends (created_at);

-- As they were: what is sent is still known when the file is deleted.
create table file_send_files (
    send_id uuid not null references file_sends (id) on delete cascade,
    file_id uuid not null,
    -- the ids of its folders and its own, as in files
    path    text not null,
    name    text not null,
    size    bigint not null,
    hash    text not null,
    -- where it goes
    target  text not null,
    primary key (send_id, file_id)
);

create table file_send_targets (
    id        uuid not null primary key,
    send_id   uuid not null references file_sends (id) on delete cascade,
    file_id   uuid not null,
    host_id   uuid not null,
    host_name text not null,
    -- null if none was made, because the host's agent is too old
    order_id  uuid unique,
    -- as the order's
    state     text not null,
    error     text,
    ended_at  bigint
);
create index file_send_targets_by_send on file_send_targets (send_id, id);
