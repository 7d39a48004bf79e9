-- Work orders: what hosts are asked to do, and what became of it.

create table work_orders (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    host_id uuid not null,
    -- deploy | sql | testServer
    kind text not null,
    -- what it is for: the deployment, the execution or the database server
    subject_id uuid not null,
    -- queued | waitingForHost | sent | accepted | done | rolledBack | failed | refused | cancelled | expired
    -- | needsAttention
    state text not null,
    -- encoded; holds no secret
    payload bytea not null,
    -- JSON: [{by, at}]
    approvals text not null,
    not_before bigint not null,
    expires_at bigint not null,
    created_by text not null,
    created_at bigint not null,
    -- From here on null until the hand-over. A re-send is byte for byte the same.
    sequence bigint,
    body bytea,
    key_id bytea,
    signature bytea,
    -- secrets sealed to the host; emptied when the order ends
    sealed bytea,
    sent_at bigint,
    accepted_at bigint,
    -- how often it was sealed anew because the host's key had changed
    reseals bigint not null,
    cancel_requested_at bigint,
    cancel_requested_by text,
    -- From here on null until the end.
    ended_at bigint,
    started_at bigint,
    error text,
    -- JSON of the refusal
    refusal text,
    digest text,
    server_version text,
    constraint work_orders_host_id_sequence_key unique (host_id, sequence)
);
create index work_orders_open on work_orders (not_before, id) where ended_at is null;
create index work_orders_host on work_orders (host_id, id);
create index work_orders_org on work_orders (org_id, id);
create index work_orders_subject on work_orders (subject_id);

create table work_order_events (
    order_id uuid not null references work_orders (id),
    seq bigint not null,
    at bigint not null,
    -- step | log
    kind text not null,
    -- position of the step; null for a line of the log
    step bigint,
    name text not null,
    -- running | done | failed | skipped; empty for a line of the log
    status text not null,
    duration_ms bigint,
    rows bigint,
    detail text not null,
    primary key (order_id, seq)
);

-- The last sequence number that each host's orders had.
create table work_sequences (
    host_id uuid not null primary key,
    last bigint not null
);
