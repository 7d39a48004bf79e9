-- Releases are signed when they are made, and checked before anything of them is executed.

-- the signing key's id and its Ed25519 signature over what was approved; null: made before releases were signed
alter table releases add column signed_by bytea;
alter table releases add column signature bytea;
