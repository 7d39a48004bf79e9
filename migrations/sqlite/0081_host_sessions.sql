-- Hosts that are connected, and to which control plane: what several of them on one database know of each other's. Empty
-- here: a file belongs to one control plane, which keeps this in memory.
create table host_sessions (
    host_id blob not null primary key,
    org_id blob not null,
    -- control_planes.id; rows of one that was killed are left for a while
    plane_id blob not null,
    session_id blob not null,
    -- where the host connects from
    address text not null,
    -- of the protocol
    version integer not null,
    -- ids of the signing keys that the host believes, hexadecimal, with commas between
    signing_keys text not null,
    connected_at integer not null,
    -- written every few seconds at most
    last_report_at integer not null
) strict;
create index host_sessions_plane on host_sessions (plane_id);
