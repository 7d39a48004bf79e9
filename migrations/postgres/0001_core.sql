-- People and what they may do; the audit log; keys of the fleet.

create table platforms (
    id uuid not null primary key,
    code text not null,
    name text not null,
    created_at bigint not null,
    constraint platforms_code_key unique (code)
);

create table users (
    id uuid not null primary key,
    account text not null,
    platform_id uuid not null references platforms (id),
    username text not null,
    email text,
    mobile text,
    nick_name text not null default '',
    password_hash text not null,
    -- active | disabled
    status text not null,
    -- the administrator who vouches for this person
    registered_by text not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint users_account_key unique (account),
    constraint users_platform_id_username_key unique (platform_id, username),
    constraint users_platform_id_email_key unique (platform_id, email),
    constraint users_platform_id_mobile_key unique (platform_id, mobile)
);

create table orgs (
    id uuid not null primary key,
    platform_id uuid not null references platforms (id),
    name text not null,
    slug text not null,
    description text not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    constraint orgs_platform_id_slug_key unique (platform_id, slug)
);

create table members (
    org_id uuid not null references orgs (id),
    user_id uuid not null references users (id),
    -- OWNER | ADMIN | MEMBER | VIEWER
    role text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (org_id, user_id)
);
create index members_user on members (user_id);
-- Exactly one owner: at most one by this index, at least one by the use-cases.
create unique index members_one_owner on members (org_id) where role = 'OWNER';

create table sessions (
    id uuid not null primary key,
    -- null: the super administrator, who lives in the configuration file
    user_id uuid references users (id),
    -- bearer | cookie
    kind text not null,
    -- SHA-256 of the refresh token (bearer) or of the cookie's value (cookie)
    token_hash bytea not null,
    -- SHA-256 of the refresh token before that one: its reuse ends the session
    previous_hash bytea,
    ip text,
    user_agent text,
    created_at bigint not null,
    used_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
create unique index sessions_token on sessions (token_hash);
create index sessions_previous on sessions (previous_hash);
create index sessions_user on sessions (user_id);

create table api_keys (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    user_id uuid not null references users (id),
    name text not null,
    -- full | deploy | readonly
    kind text not null,
    -- the first characters, so that a person can tell keys apart
    prefix text not null,
    hash bytea not null,
    created_at bigint not null,
    expires_at bigint,
    used_at bigint,
    revoked_at bigint
);
create unique index api_keys_hash on api_keys (hash);
create index api_keys_org on api_keys (org_id, created_at);

-- Append-only. Rows of one scope (an org, or the platform) are chained by hash, so that a removed row shows.
create table audit_heads (
    -- the org's id as text, or 'platform'
    scope text not null primary key,
    seq bigint not null,
    hash bytea not null
);

create table audit_log (
    id uuid not null primary key,
    scope text not null,
    seq bigint not null,
    org_id uuid,
    at bigint not null,
    -- superAdmin | user | apiKey | webhook | agent | system
    actor_kind text not null,
    actor_id text not null,
    actor_name text not null,
    ip text,
    operation text not null,
    object_kind text not null,
    object_id text not null,
    -- done | refused | failed
    outcome text not null,
    -- JSON without secrets
    before text,
    after text,
    detail text not null default '',
    hash bytea not null,
    constraint audit_log_scope_seq_key unique (scope, seq)
);
create index audit_log_org on audit_log (org_id, seq);
