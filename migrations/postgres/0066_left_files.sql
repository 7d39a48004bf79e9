-- Files of people who are members of their org no more: since when that is known.

alter table files add column left_at bigint;
create index files_of_persons on files (org_id, owner_id) where owner_type = 1;
