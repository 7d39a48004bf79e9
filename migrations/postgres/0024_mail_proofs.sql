-- Links by mail that show that somebody reads an address.

-- null: nobody has shown that the address is theirs
alter table users add column email_verified_at bigint;

create table mail_proofs (
    id uuid not null primary key,
    user_id uuid not null references users (id),
    -- passwordReset | emailVerification
    purpose text not null,
    -- where it was sent; worth nothing once the user has another address
    email text not null,
    token_hash bytea not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);
create unique index mail_proofs_token on mail_proofs (token_hash);
create index mail_proofs_user on mail_proofs (user_id, purpose);
create index mail_proofs_expired on mail_proofs (expires_at);
