-- Silences: alerts that match are not told, from then until then.

create table alert_silences (
    id         uuid not null primary key,
    org_id     uuid not null references orgs (id) on delete cascade,
    -- JSON: rules, hosts, labels, severities
    matchers   text not null,
    starts_at  bigint not null,
    -- moved forward when somebody ends it
    ends_at    bigint not null,
    reason     text not null,
    created_by text not null,
    created_at bigint not null
);
create index alert_silences_by_org on alert_silences (org_id, id);
create index alert_silences_end on alert_silences (ends_at);
