-- Signing in by GitHub, Gitee and OpenID Connect.

-- A browser that was sent to a provider and is not back yet.
create table provider_states (
    -- SHA-256 of `state`
    state_hash bytea not null primary key,
    -- the provider's name in the configuration
    provider text not null,
    -- the platform's code
    platform text not null,
    -- SHA-256 of the browser's cookie, from which nonce and code verifier are made
    browser_hash bytea not null,
    -- who binds, with which session; null: somebody signs in
    user_id uuid references users (id),
    session_id uuid,
    created_at bigint not null,
    expires_at bigint not null
);
create index provider_states_expired on provider_states (expires_at);
