-- Since when an execution's order may go to its host; null: not yet. What the host gets after it waits there.
alter table executions add column let_go_at bigint;
