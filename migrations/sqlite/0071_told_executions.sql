-- Whether those whom it concerns know that a release did not get where it was to be; what is older than this is old news.

alter table executions add column told integer not null default 1;
create index executions_untold on executions (id) where not told;
alter table release_rollouts add column told integer not null default 1;
create index release_rollouts_untold on release_rollouts (id) where not told;
