-- What was found in a database is told once.

-- The finding that was told last; null: none, or it was told that it is gone.
alter table database_drifts add column told text;
-- Since when it can't be read; null: it was read when it was last looked at.
alter table database_drifts add column away_since integer;
update database_drifts set away_since = since where state = 'unreached';
update database_drifts set away_since = checked_at where state in ('inStep', 'drifted') and detail <> '';
