-- Everything about people that an organisation needs: profiles, bindings, joining, messages, departments, administrators.

alter table platforms add column logo text not null default '';

-- male 1 | female 2 | unknown 3
alter table users add column gender integer not null default 3;
-- YYYY-MM-DD
alter table users add column birthday text;
-- an address, or a data URI of at most 512 KiB
alter table users add column portrait text not null default '';
alter table users add column last_login_at integer;
alter table users add column last_login_ip text;
alter table users add column last_login_device text;
-- a name from a region file, or the address's /16 or /48
alter table users add column last_login_region text;
create index users_platform on users (platform_id, id);
create index users_last_login on users (platform_id, last_login_at);

create table binding_types (
    id blob not null primary key,
    code text not null,
    name text not null,
    icon text not null default '',
    constraint binding_types_code_key unique (code)
) strict;

create table bindings (
    user_id blob not null references users (id),
    platform_id blob not null references platforms (id),
    -- a binding type's code
    type text not null references binding_types (code),
    type_account text not null,
    other text not null default '',
    created_at integer not null,
    primary key (user_id, type, type_account),
    constraint bindings_platform_id_type_type_account_key unique (platform_id, type, type_account)
) strict;

alter table orgs add column alias text not null default '';
alter table orgs add column logo text not null default '';
alter table orgs add column contact text not null default '';
alter table orgs add column mobile text not null default '';
-- an org that was deleted is found by nobody; its audit log stays
alter table orgs add column deleted_at integer;
create index orgs_name on orgs (platform_id, name);

-- Members who wait to be let in.
create index members_pending on members (org_id, user_id) where status <= 0;

create table entry_settings (
    org_id blob not null primary key references orgs (id),
    code text not null,
    -- JSON array of names of profile fields that an applicant must have filled in
    fields text not null,
    updated_at integer not null,
    constraint entry_settings_code_key unique (code)
) strict;

create table invitations (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    -- null: for whoever has the link
    email text,
    role text not null,
    token_hash blob not null,
    created_by text not null,
    created_at integer not null,
    expires_at integer not null,
    used_at integer,
    revoked_at integer
) strict;
create unique index invitations_token on invitations (token_hash);
create index invitations_org on invitations (org_id, id);

create table messages (
    id blob not null primary key,
    -- whose inbox
    user_id blob not null references users (id),
    org_id blob references orgs (id),
    -- join 1 | orgChanged 2 | approval 3 | alert 4 | deployment 5
    mode integer not null,
    -- the button: review 0 | resubmit 1 | enter 2 | view 3
    sub_mode integer not null,
    content text not null,
    -- what the button acts on
    tip text not null default '',
    read_at integer,
    created_at integer not null
) strict;
create index messages_inbox on messages (user_id, id);
create index messages_unread on messages (user_id) where read_at is null;

create table departments (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    parent_id blob references departments (id),
    name text not null,
    head_id blob references users (id),
    position integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create index departments_org on departments (org_id, position, name, id);
create index departments_parent on departments (parent_id);

create table department_members (
    department_id blob not null references departments (id) on delete cascade,
    user_id blob not null references users (id),
    primary key (department_id, user_id)
) strict;
create index department_members_user on department_members (user_id);

create table administrators (
    user_id blob not null references users (id),
    platform_id blob not null references platforms (id),
    -- operator (looks) | manager (changes)
    kind text not null,
    added_by text not null,
    created_at integer not null,
    primary key (user_id, platform_id)
) strict;
create index administrators_platform on administrators (platform_id);

-- The log's filters.
create index audit_log_object on audit_log (scope, object_kind, object_id, seq);
create index audit_log_actor on audit_log (scope, actor_id, seq);
