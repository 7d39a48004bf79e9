-- Up to when a host's samples were taken by the receiver of remote write.
create table remote_written (
    host_id uuid not null primary key,
    until   bigint not null
);
