-- Where an application's code is, and so whose webhooks deploy it.

-- JSON
alter table applications add column repository text;
-- host, repository and folder as one text
alter table applications add column repository_key text;
create unique index applications_org_id_repository_key_key on applications (org_id, repository_key) where repository_key is not null;
