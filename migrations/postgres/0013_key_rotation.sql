-- Rotation of the CA and of the key that signs work orders.

-- next (announced) | current | previous (still believed) | gone
alter table fleet_keys add column state text not null default 'current';
-- since when it is in this state; 0: since it was made
alter table fleet_keys add column state_at bigint not null default 0;
-- of a signing key that is gone: the newer key that says so, and its word
alter table fleet_keys add column retired_by bytea;
alter table fleet_keys add column retire_signature bytea;

drop index fleet_keys_in_force;
create unique index fleet_keys_next on fleet_keys (kind) where state = 'next';
create unique index fleet_keys_current on fleet_keys (kind) where state = 'current';
create unique index fleet_keys_previous on fleet_keys (kind) where state = 'previous';

-- What speaks for each host, what it believes, how its clock goes.
create table host_identities (
    host_id uuid not null primary key,
    -- the CA that issued its present certificate
    ca_id uuid not null,
    -- SHA-256 of the roots that it believes, hexadecimal, with commas between
    roots text not null,
    -- ids of the signing keys that it believes, likewise
    signing text not null,
    -- how far its clock was ahead when its last session began; null: it has had none
    clock_ahead_ms bigint
);
create index host_identities_ca on host_identities (ca_id);

insert into host_identities (host_id, ca_id, roots, signing)
select hosts.id, fleet_keys.id, '', '' from hosts, fleet_keys
where fleet_keys.kind = 'ca' and fleet_keys.state = 'current';
