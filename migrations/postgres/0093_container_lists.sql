-- An org's containers by name, in the order in which they are shown: without it each page looked through everybody's.

create index containers_in_order on containers (org_id, name, host_id);
