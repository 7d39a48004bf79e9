-- One release on many servers, wave after wave.

create table release_rollouts (
    id                blob not null primary key,
    org_id            blob not null references orgs (id) on delete cascade,
    release_id        blob not null references releases (id),
    dry_run           integer not null,
    sizes             text not null,              -- JSON: numbers and percentages
    waves             integer not null,
    pause_after_first integer not null,
    continued         integer not null default 0,   -- somebody said "continue" after the first wave
    not_before        integer,
    override_reason   text,                       -- why it keeps to no window
    status            text not null,              -- rolling | paused | halted | success | cancelled
    reason            text,                       -- why it halted
    started_by        text not null,              -- for people
    person            text not null,              -- who asked for what begins next: whoever started it or last said "go on"
    name              text not null,
    key_id            blob,
    created_at        integer not null,
    ended_at          integer
) strict;
create index release_rollouts_release on release_rollouts (release_id, id);
create unique index release_rollouts_live on release_rollouts (release_id) where ended_at is null;
create index release_rollouts_rolling on release_rollouts (id) where status = 'rolling';

create table release_rollout_servers (
    rollout_id   blob not null references release_rollouts (id) on delete cascade,
    position     integer not null,
    server_id    blob not null references db_servers (id),
    wave         integer not null,
    execution_id blob references executions (id),   -- the latest; null: not begun
    primary key (rollout_id, position),
    constraint release_rollout_servers_rollout_id_server_id_key unique (rollout_id, server_id)
) strict;

-- An execution that waits begins whatever the windows say, and why; null once it has begun.
alter table executions add column hurry_reason text;
