-- When a host's session began, by the database's own clock: of two at different control planes the newer one has the host,
-- whichever of them is written first. 0: an older version wrote the row.
alter table host_sessions add column began_at bigint not null default 0;
