-- When a host's session began, by the database's own clock. Empty here, as the table is.
alter table host_sessions add column began_at integer not null default 0;
