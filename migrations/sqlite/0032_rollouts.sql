-- Deployments over many hosts, approvals, and deployments that wait behind others.

-- rolling | paused | rollingBack
alter table deployments add column phase text not null default 'rolling';
-- the batch that was ordered last, and how many there are
alter table deployments add column batch integer not null default 0;
alter table deployments add column batches integer not null default 1;
alter table deployments add column pause_asked integer not null default 0;
alter table deployments add column back_asked integer not null default 0;
-- JSON: [{by, at, comment}]
alter table deployments add column approvals text not null default '[]';
drop index deployments_one_pending;
create index deployments_pending on deployments (application_id, environment) where status in ('pending', 'waitingApproval');

alter table deployment_hosts add column batch integer not null default 0;
-- the way back to what ran before: its order, the deployment that it repeats, and what came of it
alter table deployment_hosts add column back_order_id blob;
alter table deployment_hosts add column back_to blob;
alter table deployment_hosts add column back_status text;
alter table deployment_hosts add column back_error text;
create unique index deployment_hosts_back on deployment_hosts (back_order_id) where back_order_id is not null;
