-- What was put on which host last, and whether it is still so.

create table placements (
    application_id uuid not null references applications (id) on delete cascade,
    environment    text not null,
    host_id        uuid not null,
    org_id         uuid not null references orgs (id),
    deployment_id  uuid not null references deployments (id) on delete cascade,
    order_id       uuid not null,                    -- the container has it as its label
    container      text not null,                      -- its name
    stays          boolean not null,                 -- the engine keeps it running unless somebody stops it
    digest         text,                               -- as the host said
    placed_at      bigint not null,
    container_id   text,                               -- of the engine, as first seen with the order's label
    image_id       text,                               -- likewise
    state          text not null,                      -- inStep, ended, missing, stopped, otherImage, replaced, unknown
    since          bigint not null,                  -- of the state
    found          text,                               -- JSON: the container that has the name
    drift_since    bigint,                           -- also while nobody can look
    told           boolean not null default false,
    attempts       bigint not null default 0,        -- of the policy to put it back
    attempted_at   bigint,
    held           text,                               -- why the policy leaves it
    primary key (application_id, environment, host_id)
);
create index placements_of_org on placements (org_id);

insert into placements (application_id, environment, host_id, org_id, deployment_id, order_id, container, stays, digest,
    placed_at, state, since)
select r.application_id, r.environment, r.host_id, r.org_id, r.put_id, r.order_id,
    coalesce(p.spec::jsonb #>> '{container,name}', p.spec::jsonb ->> 'applicationName'), coalesce(p.spec::jsonb #>> '{container,restart}', 'unlessStopped') in ('always', 'unlessStopped'), r.digest,
    r.at, 'unknown', r.at
from (
    select d.application_id, d.environment, h.host_id, d.org_id, h.digest,
        case when h.back_status = 'success' then h.back_to else h.deployment_id end as put_id,
        case when h.back_status = 'success' then h.back_order_id else h.order_id end as order_id,
        coalesce(h.ended_at, d.created_at) as at,
        row_number() over (partition by d.application_id, d.environment, h.host_id
            order by coalesce(h.ended_at, d.created_at) desc, h.deployment_id desc) as place
    from deployment_hosts h
    join deployments d on d.id = h.deployment_id
    where (h.status = 'success' and h.order_id is not null)
        or (h.back_status = 'success' and h.back_to is not null and h.back_order_id is not null)
) as r
join deployments p on p.id = r.put_id
where r.place = 1;

-- What the registry says that the image's layers take, compressed; null: it was not asked, or did not say.
alter table deployments add column image_bytes bigint;
