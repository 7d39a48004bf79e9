-- The hours of a past day of a host or container as one row. An hour is here or in rollups; in both only when it came
-- again and is to be merged.
create table packed_hours (
    host_id blob not null,
    -- name of the container; empty for the host
    subject text not null,
    -- start of the UTC day
    day integer not null,
    org_id blob not null,
    -- a bit for each hour that is in the body, lowest first
    hours integer not null,
    -- values in the body, over all hours and series
    values_count integer not null,
    body blob not null,
    primary key (host_id, subject, day)
) strict;
create index packed_hours_day on packed_hours (day);
