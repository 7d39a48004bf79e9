create table registries (
    id           blob not null primary key,
    org_id       blob not null references orgs (id) on delete cascade,
    name         text not null,
    url          text not null,
    auth_type    text not null,
    username     text,
    last_test_at integer,
    last_test_ok integer,
    last_test    text,
    created_by   text not null,
    created_at   integer not null,
    updated_at   integer not null,
    unique (org_id, name)
) strict;

create table applications (
    id                  blob not null primary key,
    org_id              blob not null references orgs (id) on delete cascade,
    name                text not null,
    description         text not null,
    mode                text not null,
    image               text not null,
    registry_id         blob references registries (id),
    container           text not null, -- JSON
    environments        text not null, -- JSON
    webhook_enabled     integer not null,
    webhook_environment text not null,
    status              integer not null,
    revision            integer not null default 0, -- counts writes; bumping it locks the row
    created_by          text not null,
    created_at          integer not null,
    updated_at          integer not null,
    unique (org_id, name)
) strict;

create table webhook_tokens (
    id             blob not null primary key,
    org_id         blob not null,
    application_id blob not null references applications (id) on delete cascade,
    environment    text not null,
    token_hash     blob not null unique,
    created_by     text not null,
    created_at     integer not null,
    expires_at     integer, -- set when a newer one replaced it: the end of the overlap
    last_used_at   integer
) strict;
create index webhook_tokens_by_application on webhook_tokens (application_id, environment);

create table env_vars (
    id             blob not null primary key,
    org_id         blob references orgs (id) on delete cascade,
    scope          text not null,
    owner          text not null, -- the scope and what it is of, as one text
    application_id blob references applications (id) on delete cascade,
    environment    text,
    name           text not null,
    value          text, -- of a plain one; null if it refers to a secret
    secret_id      blob references secrets (id),
    created_by     text not null,
    created_at     integer not null,
    updated_at     integer not null,
    unique (owner, name)
) strict;
create index env_vars_by_secret on env_vars (secret_id);

create table deployments (
    id              blob not null primary key,
    org_id          blob not null references orgs (id) on delete cascade,
    application_id  blob not null references applications (id) on delete cascade,
    environment     text not null,
    version         text not null,
    image           text not null,
    digest          text,
    status          text not null,
    spec            text not null, -- JSON: what is deployed, as it was when this was asked for; no secret
    trigger_type    text not null,
    trigger_ip      text,
    triggered_by    text not null, -- JSON: who
    origin_id       blob,          -- the deployment that is repeated or gone back to
    idempotency_key text,
    cancel_asked    integer not null default 0,
    error           text,
    lease_until     integer not null default 0,
    prepared        integer not null default 0,
    next_seq        integer not null default 0,
    created_at      integer not null,
    started_at      integer,
    completed_at    integer,
    duration_ms     integer
) strict;
create index deployments_by_org on deployments (org_id, id);
create index deployments_by_application on deployments (application_id, environment, id);
create index deployments_unfinished on deployments (status, id) where status in ('pending', 'running');
create unique index deployments_one_running on deployments (application_id, environment) where status = 'running';
create unique index deployments_one_pending on deployments (application_id, environment) where status = 'pending';
create unique index deployments_idempotent on deployments (application_id, idempotency_key)
    where idempotency_key is not null;

create table deployment_hosts (
    deployment_id blob not null references deployments (id) on delete cascade,
    host_id       blob not null,
    host_name     text not null,
    order_id      blob unique,
    status        text not null,
    digest        text,
    error         text,
    started_at    integer,
    ended_at      integer,
    primary key (deployment_id, host_id)
) strict;

-- Steps of the control plane itself have the nil host.
create table deployment_steps (
    deployment_id blob not null references deployments (id) on delete cascade,
    host_id       blob not null,
    position      integer not null,
    name          text not null,
    status        text not null,
    duration_ms   integer,
    detail        text not null,
    at            integer not null,
    primary key (deployment_id, host_id, position)
) strict;

-- What the log stream replays, in order. `source` tells repeats of one host's event.
create table deployment_events (
    deployment_id blob not null references deployments (id) on delete cascade,
    seq           integer not null,
    source        text not null,
    at            integer not null,
    kind          text not null,
    data          text not null, -- JSON
    primary key (deployment_id, seq),
    unique (deployment_id, source)
) strict;
