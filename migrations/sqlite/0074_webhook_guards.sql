-- What a call of an application's webhook needs beside its token, by environment.

create table webhook_guards (
    id             blob not null primary key,   -- the secret is the credential `webhook-signature` of this id
    org_id         blob not null references orgs (id) on delete cascade,
    application_id blob not null references applications (id) on delete cascade,
    environment    text not null,
    networks       text not null,               -- JSON: `10.0.0.0/8`; none: from anywhere
    signed         integer not null,
    updated_by     text not null,
    updated_at     integer not null,
    constraint webhook_guards_application_id_environment_key unique (application_id, environment)
) strict;

-- Calls that were refused, for those who may change the application: the last few of each.
create table webhook_refusals (
    id             blob not null primary key,
    org_id         blob not null references orgs (id) on delete cascade,
    application_id blob not null references applications (id) on delete cascade,
    environment    text,                        -- null: the token was nobody's
    reason         text not null,
    ip             text,
    at             integer not null
) strict;
create index webhook_refusals_application on webhook_refusals (application_id, id);
