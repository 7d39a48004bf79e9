-- Old rows of the audit log in sealed files.

-- A file; its rows are in audit_log no more.
create table audit_archives (
    id blob not null primary key,
    -- as in audit_log
    scope text not null,
    first_seq integer not null,
    last_seq integer not null,
    -- name below the archive's folder
    file text not null,
    bytes integer not null,
    -- of the whole file
    sha256 blob not null,
    -- chain hash of the last row
    last_hash blob not null,
    -- the file's key, sealed by the master key
    sealed_key text not null,
    created_at integer not null,
    constraint audit_archives_scope_seq_key unique (scope, first_seq)
) strict;
