-- What ran when: several control planes on one database run each scheduled job once.

create table scheduled_jobs (
    name text not null primary key,
    -- start of the interval that was last run for
    slot integer not null
) strict;
