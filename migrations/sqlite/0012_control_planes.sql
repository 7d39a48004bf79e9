-- Control planes that serve this database, and the master keys that each of them has: a rotation waits for all.

create table control_planes (
    -- of one run
    id blob not null primary key,
    name text not null,
    version text not null,
    started_at integer not null,
    seen_at integer not null,
    -- ids, with commas between; it seals with the first
    master_keys text not null
) strict;
