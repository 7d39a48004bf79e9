-- Roles and templates beside the built-in roles; what a platform adds for the applications it fronts.

-- active | disabled: nobody of a disabled platform gets in
alter table platforms add column status text not null default 'active';

-- A platform's own groups of operations.
create table modules (
    id blob not null primary key,
    platform_id blob not null references platforms (id),
    name text not null,
    created_at integer not null,
    constraint modules_platform_id_name_key unique (platform_id, name)
) strict;

-- A platform's own operations; the built-in ones stand in the program.
create table operations (
    id blob not null primary key,
    platform_id blob not null references platforms (id),
    module_id blob not null references modules (id),
    code text not null,
    name text not null,
    created_at integer not null,
    constraint operations_platform_id_code_key unique (platform_id, code)
) strict;

create table roles (
    id blob not null primary key,
    platform_id blob not null references platforms (id),
    -- null: the platform's, which every org of it may give
    org_id blob references orgs (id),
    -- the org, or the platform
    owner_id blob not null,
    code text not null,
    name text not null,
    icon text not null default '',
    -- JSON array of codes
    operations text not null,
    created_at integer not null,
    updated_at integer not null,
    constraint roles_owner_id_code_key unique (owner_id, code)
) strict;
create index roles_org on roles (org_id);

create table permission_templates (
    id blob not null primary key,
    org_id blob not null references orgs (id),
    name text not null,
    description text not null default '',
    -- made by Muster, can't be changed
    preset integer not null,
    -- JSON array of codes
    operations text not null,
    -- JSON: kinds of objects that are narrowed, each with its list
    objects text not null,
    created_at integer not null,
    updated_at integer not null,
    constraint permission_templates_org_id_name_key unique (org_id, name)
) strict;

alter table users add column role_id blob references roles (id);

-- rejected -1 | pending 0 | approved 1 | founder 2
alter table members add column status integer not null default 1;
alter table members add column role_id blob references roles (id);
alter table members add column template_id blob references permission_templates (id);
-- granted directly: JSON array of codes, and JSON of objects by kind
alter table members add column operations text not null default '[]';
alter table members add column objects text not null default '{}';
create index members_role on members (role_id);
create index members_template on members (template_id);
create index users_role on users (role_id);

-- a key for one application
alter table api_keys add column application_id blob references applications (id) on delete cascade;
create index api_keys_application on api_keys (application_id);
create index api_keys_user on api_keys (user_id);
