-- For how many days an org keeps its readings, where that is less than the configuration says.

create table org_retention (
    org_id     uuid not null primary key references orgs (id),
    -- null: as the configuration says
    raw_days   bigint,
    hour_days  bigint,
    day_days   bigint,
    updated_at bigint not null,
    updated_by text not null
);
