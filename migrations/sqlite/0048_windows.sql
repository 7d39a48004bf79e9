-- When releases may begin in an environment, and executions that wait for it.

-- JSON: time zone, weekly windows, freezes; null: at any time
alter table environment_policies add column windows text;

-- An execution that has no order yet is looked at then; null once it has one.
alter table executions add column look_at integer;
-- It does not wait for a window after that; null where there is none.
alter table executions add column wait_until integer;
-- Why it began although no window was open.
alter table executions add column override_reason text;
create index executions_waiting on executions (look_at) where look_at is not null;
