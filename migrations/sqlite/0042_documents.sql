-- Documents of database change: designs, flows, projects and drafts of servers. What a server or an environment is
-- stands in its own table.

create table documents (
    id         blob not null primary key,
    org_id     blob not null references orgs (id) on delete cascade,
    kind       text not null,           -- Server | DatabaseSnapshot | TableSnapshot | ViewSnapshot | ApprovalFlow | Project
    name       text not null,
    label      text,
    database   text,                    -- name of the database's document, of databases, tables and views
    revision   integer not null,        -- the latest
    draft      integer not null,        -- a form without values
    spec       text not null,           -- JSON
    created_at integer not null,
    updated_at integer not null,
    updated_by text not null,
    deleted_at integer                  -- its revisions stay
) strict;
-- Two databases may each have a table of the same name; a draft has no database yet.
create unique index documents_name on documents (org_id, kind, database, name)
    where deleted_at is null and database is not null;
create unique index documents_name_alone on documents (org_id, kind, name)
    where deleted_at is null and database is null;
create index documents_database on documents (org_id, database) where deleted_at is null;

-- Every state that a document was in. Never changed, never removed.
create table document_revisions (
    document_id blob not null references documents (id) on delete cascade,
    revision    integer not null,
    change      text not null,          -- created | changed | restored | deleted
    name        text not null,
    label       text,
    spec        text not null,
    person      text not null,
    by_name     text not null,
    at          integer not null,
    primary key (document_id, revision)
) strict;
