-- What the inbox says as a code and its blanks, why somebody was not let in, and orgs that users make by themselves.

-- the sentence, for callers to say in another language; empty: from before
alter table messages add column code text not null default '';
-- its blanks: a JSON object of texts
alter table messages add column params text not null default '{}';

-- of the last rejection; empty once they applied again
alter table members add column reason text not null default '';

-- whether the platform's users may make orgs by themselves
alter table platforms add column orgs_by_users integer not null default 0;
