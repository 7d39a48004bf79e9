-- Readings of hosts and containers.

-- Fresh samples. Once their hour is over they are sealed into sample_chunks.
create table samples (
    host_id uuid not null,
    at bigint not null,
    org_id uuid not null,
    frame bytea not null,
    primary key (host_id, at)
);

-- A host's past hour in compressed columns.
create table sample_chunks (
    host_id uuid not null,
    hour bigint not null,
    org_id uuid not null,
    -- samples in the chunk
    samples bigint not null,
    chunk bytea not null,
    primary key (host_id, hour)
);
create index sample_chunks_hour on sample_chunks (hour);

create table rollups (
    host_id uuid not null,
    -- 1 hour | 2 day
    period integer not null,
    -- name of the container; empty for the host
    subject text not null,
    start_at bigint not null,
    org_id uuid not null,
    -- values in the body, over all series: of two versions the one with more stays
    values_count bigint not null,
    body bytea not null,
    primary key (host_id, period, subject, start_at)
);
create index rollups_period_start_at on rollups (period, start_at);

-- What a host's engine said last of its containers. Rows stay when a container is gone: its history does.
create table containers (
    host_id uuid not null,
    name text not null,
    org_id uuid not null,
    container_id text not null,
    image text not null,
    image_id text not null,
    -- created | running | paused | restarting | removing | exited | dead
    state text not null,
    -- none | starting | healthy | unhealthy
    health text not null,
    restarts bigint not null,
    created_at bigint not null,
    started_at bigint,
    -- JSON object
    labels text not null,
    memory_limit_bytes bigint,
    -- whether the engine still has it
    present boolean not null,
    seen_at bigint not null,
    primary key (host_id, name)
);
