-- Whether indexes are built concurrently, and checks and foreign keys validated apart, on PostgreSQL.
alter table environment_policies add column online boolean not null default false;

-- What lint's rules are set to: rule by its name to off, info, warning or error. JSON; null: all are as they are.
alter table environment_policies add column lint text;
