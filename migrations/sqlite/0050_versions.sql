-- Versions of applications: what CI reported of their builds, what the registry has, what was deployed.

create table versions (
    org_id             blob not null references orgs (id) on delete cascade,
    application_id     blob not null references applications (id) on delete cascade,
    version            text not null,
    place              integer not null, -- newest last: when it was first heard of, and its place among those of the same moment
    build_status       text,             -- null: nobody reported a build
    commit_id          text,
    branch             text,
    message            text,
    build_url          text,
    build_digest       text,
    build_log          text,
    build_log_bytes    integer not null default 0,
    build_started_at   integer,
    build_completed_at integer,
    reported_by        text,
    reported_at        integer,
    in_registry        integer,          -- null: never looked for
    registry_digest    text,
    digest_read_at     integer,
    created_at         integer not null,
    primary key (application_id, version)
) strict;
create index versions_by_place on versions (application_id, place, version);

create table registry_reads (
    application_id blob not null primary key references applications (id) on delete cascade,
    org_id         blob not null references orgs (id) on delete cascade,
    read_at        integer not null,
    tags           integer not null,
    complete       integer not null,
    error          text
) strict;

create index deployments_by_version on deployments (application_id, version);

-- What was deployed so far.
insert into versions (org_id, application_id, version, place, created_at)
select org_id, application_id, version, min(created_at) * 10000, min(created_at)
from deployments group by org_id, application_id, version;
