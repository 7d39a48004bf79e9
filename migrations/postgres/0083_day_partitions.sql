-- Readings by time: what a day left behind goes by dropping that day's table, and a chart of a day looks at that day's alone.
--
-- Nothing is moved. Each table of before becomes the first partition of the new one, for all times there are: a change
-- of the catalogue. No row is read (a partition for all times only asks that the time is not null, which the column
-- promises already), nothing is written, and the locks are held for a moment, however much there is. When the program
-- starts, it narrows that partition to what is in it and makes a table for each day after it
-- (control-plane/src/telemetry/partition.rs). Until then, and if it never came to that, every reading finds its place
-- here.
--
-- rollups stay one table. Their hours leave by being packed, not by age; their days are one small row for each host and
-- container, kept for years: tables by month would be some forty that every question by host has to look into, to save a
-- deletion that takes a second a day.

-- A sample lives for an hour, until it is sealed: the room of those that went is used again by those that come, if it is
-- cleaned in time. A number of rows says when, because a share of a table that fills and empties by the hour says
-- nothing. Nothing is to be gained by cleaning after insertions.
alter table samples rename constraint samples_pkey to samples_past_pkey;
alter table samples set (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 50000,
    autovacuum_vacuum_insert_threshold = -1
);
alter table samples rename to samples_past;
create table samples (
    host_id uuid not null,
    at bigint not null,
    org_id uuid not null,
    frame bytea not null,
    primary key (host_id, at)
) partition by range (at);
alter table samples attach partition samples_past for values from (minvalue) to (maxvalue);

-- The chunks of a day are merged several times while it lasts, and then never again: each time the bytes of those before
-- are dead, in the table beside it that holds them. A twentieth of it is enough to clean.
alter table sample_chunks rename constraint sample_chunks_pkey to sample_chunks_past_pkey;
alter index sample_chunks_hour rename to sample_chunks_past_hour;
alter table sample_chunks set (
    autovacuum_vacuum_scale_factor = 0.05,
    toast.autovacuum_vacuum_scale_factor = 0.05
);
alter table sample_chunks rename to sample_chunks_past;
create table sample_chunks (
    host_id uuid not null,
    -- start of the first hour
    hour bigint not null,
    org_id uuid not null,
    -- hours from the first one on, of one day; the chunks of a host don't overlap
    hours bigint not null,
    -- samples in the chunk
    samples bigint not null,
    chunk bytea not null,
    primary key (host_id, hour)
) partition by range (hour);
-- Compressed already.
alter table sample_chunks alter column chunk set storage external;
alter table sample_chunks attach partition sample_chunks_past for values from (minvalue) to (maxvalue);

alter table packed_hours rename constraint packed_hours_pkey to packed_hours_past_pkey;
alter index packed_hours_day rename to packed_hours_past_day;
alter table packed_hours set (
    autovacuum_vacuum_scale_factor = 0.05,
    toast.autovacuum_vacuum_scale_factor = 0.05
);
alter table packed_hours rename to packed_hours_past;
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
) partition by range (day);
-- Compressed already.
alter table packed_hours alter column body set storage external;
alter table packed_hours attach partition packed_hours_past for values from (minvalue) to (maxvalue);

-- Hours leave within a day or two, days stay for years: the usual fifth of all rows would be weeks of hours that are gone.
alter table rollups set (autovacuum_vacuum_scale_factor = 0.02);
