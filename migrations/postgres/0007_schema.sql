-- Database servers, proposals of SQL, releases and their executions.

create table db_servers (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    label       text not null,
    host        text not null,
    port        bigint not null,
    environment text not null,
    dialect     text not null,          -- mysql | postgres
    username    text not null,          -- the password is in credentials
    agent_id    uuid not null,          -- the host whose agent reaches it
    databases   text not null,          -- JSON: names
    tested_at   bigint,
    test_ok     boolean,
    test_detail text,                   -- the server's version, or the error
    created_by  text not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    deleted_at  bigint                 -- releases and executions keep referring to it
);
create unique index db_servers_label on db_servers (org_id, label) where deleted_at is null;

-- A proposal and what people said to it. The SQL never changes.
create table tickets (
    id            uuid not null primary key,
    org_id        uuid not null references orgs (id) on delete cascade,
    project       text not null,        -- '' without one
    version       text not null,
    environment   text not null,
    database      text not null,
    sql           text not null,        -- as proposed
    risk          text not null,        -- safe | warning | destructive | unknown
    status        text not null,        -- pending | approved | rejected | withdrawn
    author        text not null,        -- the person, so that nobody approves their own
    author_name   text not null,
    created_at    bigint not null,
    updated_at    bigint not null
);
create index tickets_org on tickets (org_id, id);
-- A version is given once, unless its proposal came to nothing.
create unique index tickets_version on tickets (org_id, project, environment, version)
    where status in ('pending', 'approved');

create table ticket_servers (
    ticket_id  uuid not null references tickets (id) on delete cascade,
    server_id  uuid not null references db_servers (id),
    position   bigint not null,
    sql        text not null,           -- each statement followed by ; and a line feed
    sql_sha256 text not null,
    risk       text not null,
    statements text not null,           -- JSON: sql, kind, risk, reasons, transactional
    findings   text not null,           -- JSON
    primary key (ticket_id, server_id)
);

create table ticket_events (
    ticket_id  uuid not null references tickets (id) on delete cascade,
    position   bigint not null,
    kind       text not null,           -- proposed | commented | approved | rejected | withdrawn
    person     text not null,
    name       text not null,
    comment    text not null,
    at         bigint not null,
    primary key (ticket_id, position)
);

-- Made by the last approval; never changed after. Its SQL is its ticket's.
create table releases (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    ticket_id   uuid not null references tickets (id),
    project     text not null,
    version     text not null,
    environment text not null,
    database    text not null,
    risk        text not null,
    created_at  bigint not null,
    constraint releases_ticket_id_key unique (ticket_id),
    constraint releases_org_id_project_environment_version_key unique (org_id, project, environment, version)
);
create index releases_org on releases (org_id, id);

-- Kept for ever.
create table executions (
    id             uuid not null primary key,
    org_id         uuid not null references orgs (id) on delete cascade,
    release_id     uuid not null references releases (id),
    server_id      uuid not null references db_servers (id),
    agent_id       uuid not null,
    order_id       uuid,
    dry_run        boolean not null,
    not_before     bigint,
    status         text not null,       -- pending | running | success | failure | rolledBack | cancelled | needsAttention
    error          text,
    server_version text,
    person         text not null,
    name           text not null,
    created_at     bigint not null,
    started_at     bigint,
    ended_at       bigint
);
create index executions_org on executions (org_id, id);
create index executions_release on executions (release_id, id);
create unique index executions_order on executions (order_id);
-- One at a time on a server.
create unique index executions_live on executions (release_id, server_id) where status in ('pending', 'running');

create table execution_steps (
    execution_id uuid not null references executions (id) on delete cascade,
    position     bigint not null,
    sql          text not null,
    status       text not null,         -- pending | running | success | failure | skipped
    duration_ms  bigint,
    row_count    bigint,
    detail       text not null,
    primary key (execution_id, position)
);
