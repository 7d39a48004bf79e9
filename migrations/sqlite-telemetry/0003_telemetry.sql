-- Readings of hosts and containers.

-- Fresh samples. Once their hour is over they are sealed into sample_chunks.
create table samples (
    host_id blob not null,
    at integer not null,
    org_id blob not null,
    frame blob not null,
    primary key (host_id, at)
) strict, without rowid;

-- A host's past hour in compressed columns.
create table sample_chunks (
    host_id blob not null,
    hour integer not null,
    org_id blob not null,
    -- samples in the chunk
    samples integer not null,
    chunk blob not null,
    primary key (host_id, hour)
) strict;
create index sample_chunks_hour on sample_chunks (hour);

create table rollups (
    host_id blob not null,
    -- 1 hour | 2 day
    period integer not null,
    -- name of the container; empty for the host
    subject text not null,
    start_at integer not null,
    org_id blob not null,
    -- values in the body, over all series: of two versions the one with more stays
    values_count integer not null,
    body blob not null,
    primary key (host_id, period, subject, start_at)
) strict, without rowid;
create index rollups_period_start_at on rollups (period, start_at);

-- What a host's engine said last of its containers. Rows stay when a container is gone: its history does.
create table containers (
    host_id blob not null,
    name text not null,
    org_id blob not null,
    container_id text not null,
    image text not null,
    image_id text not null,
    -- created | running | paused | restarting | removing | exited | dead
    state text not null,
    -- none | starting | healthy | unhealthy
    health text not null,
    restarts integer not null,
    created_at integer not null,
    started_at integer,
    -- JSON object
    labels text not null,
    memory_limit_bytes integer,
    -- whether the engine still has it
    present integer not null,
    seen_at integer not null,
    primary key (host_id, name)
) strict, without rowid;
