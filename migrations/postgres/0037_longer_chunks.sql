-- A chunk holds one hour or, merged, several of one day: as many from the first one on. The chunks of a host don't
-- overlap.
alter table sample_chunks add column hours bigint not null default 1;
alter table sample_chunks alter column hours drop default;
-- Compressed already.
alter table sample_chunks alter column chunk set storage external;
