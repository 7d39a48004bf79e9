-- With which API key an execution was asked for: what waits begins only while that works.
alter table executions add column key_id blob;
