-- How a database compared with what a release was computed against, right before its execution was to begin there.

-- same | differs | unread | oldAgent | begunBefore; null: not compared (yet)
alter table executions add column base_state text;
-- Why nothing can be said, or what there is to do; empty otherwise.
alter table executions add column base_detail text not null default '';
-- How many things are different, and the first of them (JSON).
alter table executions add column base_found integer not null default 0;
alter table executions add column base_differences text;
-- When it was compared; of `unread` since when.
alter table executions add column base_checked_at integer;
