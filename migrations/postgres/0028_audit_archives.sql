-- Old rows of the audit log in sealed files.

-- A file; its rows are in audit_log no more.
create table audit_archives (
    id uuid not null primary key,
    -- as in audit_log
    scope text not null,
    first_seq bigint not null,
    last_seq bigint not null,
    -- name below the archive's folder
    file text not null,
    bytes bigint not null,
    -- of the whole file
    sha256 bytea not null,
    -- chain hash of the last row
    last_hash bytea not null,
    -- the file's key, sealed by the master key
    sealed_key text not null,
    created_at bigint not null,
    constraint audit_archives_scope_seq_key unique (scope, first_seq)
);
