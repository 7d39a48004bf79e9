-- Published changes are tried on scratch databases before anyone approves them.

-- Whether the environment wants that: off, show, required.
alter table environment_policies add column proof text not null default 'off';

create table ticket_proofs (
    ticket_id   uuid not null references tickets (id) on delete cascade,
    server_id   uuid not null references db_servers (id) on delete cascade,
    state       text not null,          -- wanted, running, proven, notProven, untried
    fingerprint text,                   -- of the statements, the way back and what they start from; null until it was tried
    asked_at    bigint not null,
    asked_by    text not null,
    begun_at    bigint,                 -- when a control plane last took it
    ended_at    bigint,
    outcome     text,                   -- JSON; null until it was tried
    primary key (ticket_id, server_id)
);
create index ticket_proofs_to_do on ticket_proofs (asked_at) where state in ('wanted', 'running');
