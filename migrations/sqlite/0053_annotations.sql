-- What happened to a host, by time: charts mark it.

create index deployment_hosts_by_host on deployment_hosts (host_id, started_at);
create index executions_by_agent on executions (agent_id, started_at);
create index alerts_by_host on alerts (host_id, fired_at) where fired_at is not null;
