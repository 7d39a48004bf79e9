-- For how many days an org keeps its readings, where that is less than the configuration says.

create table org_retention (
    org_id     blob not null primary key references orgs (id),
    -- null: as the configuration says
    raw_days   integer,
    hour_days  integer,
    day_days   integer,
    updated_at integer not null,
    updated_by text not null
) strict, without rowid;
