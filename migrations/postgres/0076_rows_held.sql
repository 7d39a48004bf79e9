-- SQL as text that changes rows is held in: to a number of rows, and the rows are kept in a table before.

-- What an environment asks; null: nothing.
alter table environment_policies add column max_rows bigint;
alter table environment_policies add column backup_days bigint;

-- What a proposal itself asks besides.
alter table tickets add column max_rows bigint;
alter table tickets add column backup_days bigint;

-- How many rows each statement would touch, as last counted on the server; null: never. JSON
alter table ticket_servers add column row_counts text;
