-- Ids that things had in an older system; messages by mail; whose failures were told.

alter table users add column legacy_id text;
create unique index users_legacy on users (platform_id, legacy_id) where legacy_id is not null;
alter table orgs add column legacy_id text;
create unique index orgs_legacy on orgs (platform_id, legacy_id) where legacy_id is not null;
alter table members add column legacy_id text;
create unique index members_legacy on members (org_id, legacy_id) where legacy_id is not null;

-- whether the inbox's messages about failures come by mail, too
alter table users add column mail_messages integer not null default 0;

-- whether those whom it concerns know of its failure; what is older than this is old news
alter table deployments add column told integer not null default 1;
create index deployments_untold on deployments (id) where not told;
