-- Signing in by GitHub, Gitee and OpenID Connect.

-- A browser that was sent to a provider and is not back yet.
create table provider_states (
    -- SHA-256 of `state`
    state_hash blob not null primary key,
    -- the provider's name in the configuration
    provider text not null,
    -- the platform's code
    platform text not null,
    -- SHA-256 of the browser's cookie, from which nonce and code verifier are made
    browser_hash blob not null,
    -- who binds, with which session; null: somebody signs in
    user_id blob references users (id),
    session_id blob,
    created_at integer not null,
    expires_at integer not null
) strict;
create index provider_states_expired on provider_states (expires_at);
