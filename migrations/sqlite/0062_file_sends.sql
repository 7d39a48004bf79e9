-- Files that were sent to hosts, and what became of each on each.

create table file_sends (
    id           blob not null primary key,
    org_id       blob not null references orgs (id),
    created_by   text not null,
    created_at   integer not null,
    -- a host that has not begun by then does not
    expires_at   integer not null,
    -- as it was asked for
    destination  text not null,
    -- permission bits
    mode         integer not null,
    -- whether a file that is there is replaced
    replaces     integer not null,
    cancelled_at integer
) strict;
create index file_sends_by_org on file_sends (org_id, id);
create index file_sends_by_time on file_sends (created_at);

-- As they were: what is sent is still known when the file is deleted.
create table file_send_files (
    send_id blob not null references file_sends (id) on delete cascade,
    file_id blob not null,
    -- the ids of its folders and its own, as in files
    path    text not null,
    name    text not null,
    size    integer not null,
    hash    text not null,
    -- where it goes
    target  text not null,
    primary key (send_id, file_id)
) strict;

create table file_send_targets (
    id        blob not null primary key,
    send_id   blob not null references file_sends (id) on delete cascade,
    file_id   blob not null,
    host_id   blob not null,
    host_name text not null,
    -- null if none was made, because the host's agent is too old
    order_id  blob unique,
    -- as the order's
    state     text not null,
    error     text,
    ended_at  integer
) strict;
create index file_send_targets_by_send on file_send_targets (send_id, id);
