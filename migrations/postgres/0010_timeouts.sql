-- How long a release waits on each database server.

-- for a lock in the database
alter table db_servers add column lock_timeout_ms bigint not null default 10000;
-- for one statement
alter table db_servers add column statement_timeout_ms bigint not null default 1800000;
