-- Git hooks of projects: pushes whose commits ask for releases to be executed, and what became of them.

create table git_hooks (
    id         uuid not null primary key,
    org_id     uuid not null references orgs (id) on delete cascade,
    project_id uuid not null references documents (id) on delete cascade,
    provider   text not null,           -- github | gitee | gitlab | codeup
    repository text not null,           -- its id at the host, or its full name
    branches   text not null,           -- JSON: patterns; none: the default branch
    enabled    boolean not null,
    user_id    uuid not null,           -- in whose name it executes: who saved it last
    username   text not null,
    created_at bigint not null,
    updated_at bigint not null,
    heard_at   bigint                  -- its host's last call that was believed
);
create index git_hooks_project on git_hooks (project_id, id);
create index git_hooks_org on git_hooks (org_id);

-- The newest thousand of a hook.
create table git_pushes (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    hook_id     uuid not null references git_hooks (id) on delete cascade,
    call_key    text not null,          -- the same call is the same push
    repository  text not null,
    branch      text not null,
    sha         text not null,
    commits     bigint not null,
    is_complete boolean not null,       -- whether the host named them all
    reason      text,                   -- why none of it was looked at
    at          bigint not null,
    unique (hook_id, call_key)
);
create index git_pushes_hook on git_pushes (hook_id, id);
create index git_pushes_org on git_pushes (org_id, id);

create table git_wishes (
    id          uuid not null primary key,
    push_id     uuid not null references git_pushes (id) on delete cascade,
    hook_id     uuid not null,
    position    bigint not null,
    sha         text not null,
    author      text not null,          -- as the host says
    title       text not null,          -- the message's first line
    wish        text not null,          -- the bracket, or the line without one
    environment text,                   -- of a bracket that can be read
    version     text,
    state       text not null,          -- open | executed | refused
    release_id  uuid,
    refusals    text not null,          -- JSON
    at          bigint not null
);
create index git_wishes_push on git_wishes (push_id, position);
create index git_wishes_open on git_wishes (at) where state = 'open';

-- Commits with wishes that a hook has heard: each counts once, for ever.
create table git_hook_commits (
    hook_id uuid not null references git_hooks (id) on delete cascade,
    sha     text not null,
    primary key (hook_id, sha)
);

-- What a commit asked for is executed once on each server.
alter table executions add column wish_id uuid;
create unique index executions_wish on executions (wish_id, server_id) where wish_id is not null;
