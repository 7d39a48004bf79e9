-- The hours of a past day of a host or container as one row. An hour is here or in rollups; in both only when it came
-- again and is to be merged.
create table packed_hours (
    host_id uuid not null,
    -- name of the container; empty for the host
    subject text not null,
    -- start of the UTC day
    day bigint not null,
    org_id uuid not null,
    -- a bit for each hour that is in the body, lowest first
    hours bigint not null,
    -- values in the body, over all hours and series
    values_count bigint not null,
    body bytea not null,
    primary key (host_id, subject, day)
);
create index packed_hours_day on packed_hours (day);
-- Compressed already.
alter table packed_hours alter column body set storage external;
