-- Roles and templates beside the built-in roles; what a platform adds for the applications it fronts.

-- active | disabled: nobody of a disabled platform gets in
alter table platforms add column status text not null default 'active';

-- A platform's own groups of operations.
create table modules (
    id uuid not null primary key,
    platform_id uuid not null references platforms (id),
    name text not null,
    created_at bigint not null,
    constraint modules_platform_id_name_key unique (platform_id, name)
);

-- A platform's own operations; the built-in ones stand in the program.
create table operations (
    id uuid not null primary key,
    platform_id uuid not null references platforms (id),
    module_id uuid not null references modules (id),
    code text not null,
    name text not null,
    created_at bigint not null,
    constraint operations_platform_id_code_key unique (platform_id, code)
);

create table roles (
    id uuid not null primary key,
    platform_id uuid not null references platforms (id),
    -- null: the platform's, which every org of it may give
    org_id uuid references orgs (id),
    -- the org, or the platform
    owner_id uuid not null,
    code text not null,
    name text not null,
    icon text not null default '',
    -- JSON array of codes
    operations text not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint roles_owner_id_code_key unique (owner_id, code)
);
create index roles_org on roles (org_id);

create table permission_templates (
    id uuid not null primary key,
    org_id uuid not null references orgs (id),
    name text not null,
    description text not null default '',
    -- made by Muster, can't be changed
    preset boolean not null,
    -- JSON array of codes
    operations text not null,
    -- JSON: kinds of objects that are narrowed, each with its list
    objects text not null,
    created_at bigint not null,
    updated_at bigint not null,
    constraint permission_templates_org_id_name_key unique (org_id, name)
);

alter table users add column role_id uuid references roles (id);

-- rejected -1 | pending 0 | approved 1 | founder 2
alter table members add column status bigint not null default 1;
alter table members add column role_id uuid references roles (id);
alter table members add column template_id uuid references permission_templates (id);
-- granted directly: JSON array of codes, and JSON of objects by kind
alter table members add column operations text not null default '[]';
alter table members add column objects text not null default '{}';
create index members_role on members (role_id);
create index members_template on members (template_id);
create index users_role on users (role_id);

-- a key for one application
alter table api_keys add column application_id uuid references applications (id) on delete cascade;
create index api_keys_application on api_keys (application_id);
create index api_keys_user on api_keys (user_id);
