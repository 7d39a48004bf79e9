-- Who joined with which token, by the key that the host's first certificate is over: a host whose answer was lost asks
-- again with the same key and is given another certificate, not another host.

create table join_token_uses (
    token_id uuid not null references join_tokens (id),
    -- SHA-256 of the public key (SubjectPublicKeyInfo)
    key bytea not null,
    host_id uuid not null,
    at bigint not null,
    primary key (token_id, key)
);
