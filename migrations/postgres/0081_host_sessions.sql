-- Hosts that are connected, and to which control plane: what several of them on one database know of each other's. A row
-- counts as long as its control plane gives signs of life.
create table host_sessions (
    host_id uuid not null primary key,
    org_id uuid not null,
    -- control_planes.id; rows of one that was killed are left for a while
    plane_id uuid not null,
    session_id uuid not null,
    -- where the host connects from
    address text not null,
    -- of the protocol
    version bigint not null,
    -- ids of the signing keys that the host believes, hexadecimal, with commas between
    signing_keys text not null,
    connected_at bigint not null,
    -- written every few seconds at most
    last_report_at bigint not null
);
create index host_sessions_plane on host_sessions (plane_id);
