-- Second factors, devices, one-time codes.

-- auto: asked on a new device or from a new region | always: at each sign-in
alter table users add column mfa text not null default 'auto';
-- null: nobody has shown that the number is theirs
alter table users add column mobile_verified_at integer;
-- zxcvbn's score, 0 to 4; null: not known, from before or imported
alter table users add column password_strength integer;

create table devices (
    id blob not null primary key,
    user_id blob not null references users (id),
    -- SHA-256 of the device's token
    token_hash blob not null,
    -- what its browser calls itself, in words
    name text not null,
    ip text,
    region text,
    created_at integer not null,
    seen_at integer not null,
    revoked_at integer
) strict;
create unique index devices_token on devices (user_id, token_hash);

-- Where a user has signed in from.
create table known_regions (
    user_id blob not null references users (id),
    region text not null,
    seen_at integer not null,
    primary key (user_id, region)
) strict;

-- The device that a session was opened on: revoking it ends the session.
alter table sessions add column device_id blob references devices (id);
create index sessions_device on sessions (device_id);

create table totp (
    user_id blob not null primary key references users (id),
    -- sealed
    secret text not null,
    -- null: not proven yet, worth nothing
    confirmed_at integer,
    -- the newest time step that was used: a code works once
    last_step integer not null default 0,
    created_at integer not null
) strict;

create table recovery_codes (
    user_id blob not null references users (id),
    -- SHA-256 of 80 random bits
    code_hash blob not null,
    used_at integer,
    primary key (user_id, code_hash)
) strict;

-- Questions that a sign-in, or a new number, still has to answer.
create table challenges (
    id blob not null primary key,
    token_hash blob not null,
    user_id blob not null references users (id),
    -- secondFactor | signIn | mobile
    purpose text not null,
    -- JSON array of the ways that answer it: totp, recovery, email, sms
    methods text not null,
    -- the number that is to be verified
    target text not null default '',
    -- keyed hash of the code that was sent last; null: none was
    code_hash blob,
    codes_sent integer not null default 0,
    attempts integer not null default 0,
    created_at integer not null,
    expires_at integer not null,
    used_at integer
) strict;
create unique index challenges_token on challenges (token_hash);
create index challenges_user on challenges (user_id, purpose, created_at);
create index challenges_expired on challenges (expires_at);
