-- Everything about people that an organisation needs: profiles, bindings, joining, messages, departments, administrators.

alter table platforms add column logo text not null default '';

-- male 1 | female 2 | unknown 3
alter table users add column gender bigint not null default 3;
-- YYYY-MM-DD
alter table users add column birthday text;
-- an address, or a data URI of at most 512 KiB
alter table users add column portrait text not null default '';
alter table users add column last_login_at bigint;
alter table users add column last_login_ip text;
alter table users add column last_login_device text;
-- a name from a region file, or the address's /16 or /48
alter table users add column last_login_region text;
create index users_platform on users (platform_id, id);
create index users_last_login on users (platform_id, last_login_at);

create table binding_types (
    id uuid not null primary key,
    code text not null,
    name text not null,
    icon text not null default '',
    constraint binding_types_code_key unique (code)
);

create table bindings (
    user_id uuid not null references users (id),
    platform_id uuid not null references platforms (id),
    -- a binding type's code
    type text not null references binding_types (code),
    type_account text not null,
    other text not null default '',
    created_at bigint not null,
    primary key (user_id, type, type_account),
    constraint bindings_platform_id_type_type_account_key unique (platform_id, type, type_account)
);

alter table orgs add column alias text not null default '';
alter table orgs add column logo text not null default '';
alter table orgs add column contact text not null default '';
alter table orgs add column mobile text not null default '';
-- an org that was deleted is found by nobody; its audit log stays
alter table orgs add column deleted_at bigint;
create index orgs_name on orgs (platform_id, name);

-- Members who wait to be let in.
create index members_pending on members (org_id, user_id) where status <= 0;

create table entry_settings (
    org_id uuid not null primary key references orgs (id),
    code text not null,
    -- JSON array of names of profile fields that an applicant must have filled in
    fields text not null,
    updated_at bigint not null,
    constraint entry_settings_code_key unique (code)
);

create table invitations (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    -- null: for whoever has the link
    email text,
    role text not null,
    token_hash bytea not null,
    created_by text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    revoked_at bigint
);
create unique index invitations_token on invitations (token_hash);
create index invitations_org on invitations (org_id, id);

create table messages (
    id uuid not null primary key,
    -- whose inbox
    user_id uuid not null references users (id),
    org_id uuid references orgs (id),
    -- join 1 | orgChanged 2 | approval 3 | alert 4 | deployment 5
    mode bigint not null,
    -- the button: review 0 | resubmit 1 | enter 2 | view 3
    sub_mode bigint not null,
    content text not null,
    -- what the button acts on
    tip text not null default '',
    read_at bigint,
    created_at bigint not null
);
create index messages_inbox on messages (user_id, id);
create index messages_unread on messages (user_id) where read_at is null;

create table departments (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    parent_id uuid references departments (id),
    name text not null,
    head_id uuid references users (id),
    position bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index departments_org on departments (org_id, position, name, id);
create index departments_parent on departments (parent_id);

create table department_members (
    department_id uuid not null references departments (id) on delete cascade,
    user_id uuid not null references users (id),
    primary key (department_id, user_id)
);
create index department_members_user on department_members (user_id);

create table administrators (
    user_id uuid not null references users (id),
    platform_id uuid not null references platforms (id),
    -- operator (looks) | manager (changes)
    kind text not null,
    added_by text not null,
    created_at bigint not null,
    primary key (user_id, platform_id)
);
create index administrators_platform on administrators (platform_id);

-- The log's filters.
create index audit_log_object on audit_log (scope, object_kind, object_id, seq);
create index audit_log_actor on audit_log (scope, actor_id, seq);
