create table registries (
    id           uuid not null primary key,
    org_id       uuid not null references orgs (id) on delete cascade,
    name         text not null,
    url          text not null,
    auth_type    text not null,
    username     text,
    last_test_at bigint,
    last_test_ok boolean,
    last_test    text,
    created_by   text not null,
    created_at   bigint not null,
    updated_at   bigint not null,
    unique (org_id, name)
);

create table applications (
    id                  uuid not null primary key,
    org_id              uuid not null references orgs (id) on delete cascade,
    name                text not null,
    description         text not null,
    mode                text not null,
    image               text not null,
    registry_id         uuid references registries (id),
    container           text not null, -- JSON
    environments        text not null, -- JSON
    webhook_enabled     boolean not null,
    webhook_environment text not null,
    status              bigint not null,
    revision            bigint not null default 0, -- counts writes; bumping it locks the row
    created_by          text not null,
    created_at          bigint not null,
    updated_at          bigint not null,
    unique (org_id, name)
);

create table webhook_tokens (
    id             uuid not null primary key,
    org_id         uuid not null,
    application_id uuid not null references applications (id) on delete cascade,
    environment    text not null,
    token_hash     bytea not null unique,
    created_by     text not null,
    created_at     bigint not null,
    expires_at     bigint, -- set when a newer one replaced it: the end of the overlap
    last_used_at   bigint
);
create index webhook_tokens_by_application on webhook_tokens (application_id, environment);

create table env_vars (
    id             uuid not null primary key,
    org_id         uuid references orgs (id) on delete cascade,
    scope          text not null,
    owner          text not null, -- the scope and what it is of, as one text
    application_id uuid references applications (id) on delete cascade,
    environment    text,
    name           text not null,
    value          text, -- of a plain one; null if it refers to a secret
    secret_id      uuid references secrets (id),
    created_by     text not null,
    created_at     bigint not null,
    updated_at     bigint not null,
    unique (owner, name)
);
create index env_vars_by_secret on env_vars (secret_id);

create table deployments (
    id              uuid not null primary key,
    org_id          uuid not null references orgs (id) on delete cascade,
    application_id  uuid not null references applications (id) on delete cascade,
    environment     text not null,
    version         text not null,
    image           text not null,
    digest          text,
    status          text not null,
    spec            text not null, -- JSON: what is deployed, as it was when this was asked for; no secret
    trigger_type    text not null,
    trigger_ip      text,
    triggered_by    text not null, -- JSON: who
    origin_id       uuid,          -- the deployment that is repeated or gone back to
    idempotency_key text,
    cancel_asked    boolean not null default false,
    error           text,
    lease_until     bigint not null default 0,
    prepared        boolean not null default false,
    next_seq        bigint not null default 0,
    created_at      bigint not null,
    started_at      bigint,
    completed_at    bigint,
    duration_ms     bigint
);
create index deployments_by_org on deployments (org_id, id);
create index deployments_by_application on deployments (application_id, environment, id);
create index deployments_unfinished on deployments (status, id) where status in ('pending', 'running');
create unique index deployments_one_running on deployments (application_id, environment) where status = 'running';
create unique index deployments_one_pending on deployments (application_id, environment) where status = 'pending';
create unique index deployments_idempotent on deployments (application_id, idempotency_key)
    where idempotency_key is not null;

create table deployment_hosts (
    deployment_id uuid not null references deployments (id) on delete cascade,
    host_id       uuid not null,
    host_name     text not null,
    order_id      uuid unique,
    status        text not null,
    digest        text,
    error         text,
    started_at    bigint,
    ended_at      bigint,
    primary key (deployment_id, host_id)
);

-- Steps of the control plane itself have the nil host.
create table deployment_steps (
    deployment_id uuid not null references deployments (id) on delete cascade,
    host_id       uuid not null,
    position      bigint not null,
    name          text not null,
    status        text not null,
    duration_ms   bigint,
    detail        text not null,
    at            bigint not null,
    primary key (deployment_id, host_id, position)
);

-- What the log stream replays, in order. `source` tells repeats of one host's event.
create table deployment_events (
    deployment_id uuid not null references deployments (id) on delete cascade,
    seq           bigint not null,
    source        text not null,
    at            bigint not null,
    kind          text not null,
    data          text not null, -- JSON
    primary key (deployment_id, seq),
    unique (deployment_id, source)
);
