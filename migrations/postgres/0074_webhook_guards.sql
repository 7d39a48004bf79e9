-- What a call of an application's webhook needs beside its token, by environment.

create table webhook_guards (
    id             uuid not null primary key,   -- the secret is the credential `webhook-signature` of this id
    org_id         uuid not null references orgs (id) on delete cascade,
    application_id uuid not null references applications (id) on delete cascade,
    environment    text not null,
    networks       text not null,               -- JSON: `10.0.0.0/8`; none: from anywhere
    signed         boolean not null,
    updated_by     text not null,
    updated_at     bigint not null,
    constraint webhook_guards_application_id_environment_key unique (application_id, environment)
);

-- Calls that were refused, for those who may change the application: the last few of each.
create table webhook_refusals (
    id             uuid not null primary key,
    org_id         uuid not null references orgs (id) on delete cascade,
    application_id uuid not null references applications (id) on delete cascade,
    environment    text,                        -- null: the token was nobody's
    reason         text not null,
    ip             text,
    at             bigint not null
);
create index webhook_refusals_application on webhook_refusals (application_id, id);
