-- What clouds say of hosts' machines themselves, beside what people imported and wrote. `record` is what these three come
-- to when they are laid over each other.

-- JSON: as it was imported last; null: it never was
alter table instances add column imported text;
update instances set imported = record;
-- JSON: what the agent of a host that it is read of the cloud's metadata service last; null: none did
alter table instances add column metadata text;
-- JSON: what people wrote by hand; null: nothing
alter table instances add column by_hand text;

-- Which instance each host says that it is. Two hosts that say the same are one too many.
create table instance_claims (
    host_id  blob not null primary key references hosts (id) on delete cascade,
    instance blob not null references instances (id) on delete cascade,
    -- JSON: what it said last
    told     text not null,
    told_at  integer not null
) strict;
create index instance_claims_by_instance on instance_claims (instance);
