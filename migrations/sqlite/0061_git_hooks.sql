-- Git hooks of projects: pushes whose commits ask for releases to be executed, and what became of them.

create table git_hooks (
    id         blob not null primary key,
    org_id     blob not null references orgs (id) on delete cascade,
    project_id blob not null references documents (id) on delete cascade,
    provider   text not null,           -- github | gitee | gitlab | codeup
    repository text not null,           -- its id at the host, or its full name
    branches   text not null,           -- JSON: patterns; none: the default branch
    enabled    integer not null,
    user_id    blob not null,           -- in whose name it executes: who saved it last
    username   text not null,
    created_at integer not null,
    updated_at integer not null,
    heard_at   integer                  -- its host's last call that was believed
) strict;
create index git_hooks_project on git_hooks (project_id, id);
create index git_hooks_org on git_hooks (org_id);

-- The newest thousand of a hook.
create table git_pushes (
    id          blob not null primary key,
    org_id      blob not null references orgs (id) on delete cascade,
    hook_id     blob not null references git_hooks (id) on delete cascade,
    call_key    text not null,          -- the same call is the same push
    repository  text not null,
    branch      text not null,
    sha         text not null,
    commits     integer not null,
    is_complete integer not null,       -- whether the host named them all
    reason      text,                   -- why none of it was looked at
    at          integer not null,
    unique (hook_id, call_key)
) strict;
create index git_pushes_hook on git_pushes (hook_id, id);
create index git_pushes_org on git_pushes (org_id, id);

create table git_wishes (
    id          blob not null primary key,
    push_id     blob not null references git_pushes (id) on delete cascade,
    hook_id     blob not null,
    position    integer not null,
    sha         text not null,
    author      text not null,          -- as the host says
    title       text not null,          -- the message's first line
    wish        text not null,          -- the bracket, or the line without one
    environment text,                   -- of a bracket that can be read
    version     text,
    state       text not null,          -- open | executed | refused
    release_id  blob,
    refusals    text not null,          -- JSON
    at          integer not null
) strict;
create index git_wishes_push on git_wishes (push_id, position);
create index git_wishes_open on git_wishes (at) where state = 'open';

-- Commits with wishes that a hook has heard: each counts once, for ever.
create table git_hook_commits (
    hook_id blob not null references git_hooks (id) on delete cascade,
    sha     text not null,
    primary key (hook_id, sha)
) strict, without rowid;

-- What a commit asked for is executed once on each server.
alter table executions add column wish_id blob;
create unique index executions_wish on executions (wish_id, server_id) where wish_id is not null;
