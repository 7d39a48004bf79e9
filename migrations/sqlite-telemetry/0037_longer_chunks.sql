-- A chunk holds one hour or, merged, several of one day. What says which stands before the chunk's bytes, so that it is
-- read without them.
create table longer_chunks (
    host_id blob not null,
    -- start of the first hour
    hour integer not null,
    org_id blob not null,
    -- hours from the first one on; the chunks of a host don't overlap
    hours integer not null,
    -- samples in the chunk
    samples integer not null,
    chunk blob not null,
    primary key (host_id, hour)
) strict;
insert into longer_chunks (host_id, hour, org_id, hours, samples, chunk)
    select host_id, hour, org_id, 1, samples, chunk from sample_chunks;
drop table sample_chunks;
alter table longer_chunks rename to sample_chunks;
create index sample_chunks_hour on sample_chunks (hour);
