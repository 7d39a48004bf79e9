-- Deployments that wait for a window of their environment.

-- One that waits for a window is looked at then; null: it does not wait for one.
alter table deployments add column look_at integer;
-- When the window opens, as it was last looked at; null: none does.
alter table deployments add column opens_at integer;
-- Why it begins although no window is open.
alter table deployments add column override_reason text;
