-- Up to when a host's samples were taken by the receiver of remote write.
create table remote_written (
    host_id blob not null primary key,
    until   integer not null
) strict;
