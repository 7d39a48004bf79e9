-- Who approves what: an environment's policy, the steps that a ticket was opened with, what people decided.

create table environment_policies (
    org_id            blob not null references orgs (id) on delete cascade,
    environment       text not null,
    -- JSON: the name of an ApprovalFlow by risk
    flows             text not null,
    author_may_decide integer not null,
    updated_at        integer not null,
    updated_by        text not null,
    primary key (org_id, environment)
) strict;

alter table tickets add column published text;            -- JSON of what was published; null for SQL as text
alter table tickets add column corrects blob;             -- the rejected ticket that this one corrects
alter table tickets add column author_may_decide integer not null default 0;
-- A ticket is corrected by one other, unless that comes to nothing.
create unique index tickets_corrects on tickets (corrects)
    where corrects is not null and status in ('pending', 'approved');
create index tickets_pending on tickets (org_id, id) where status = 'pending';

update tickets set published = '{}' where exists
    (select 1 from ticket_servers s where s.ticket_id = tickets.id and s.design is not null);

-- As they were when the ticket was opened; never changed after.
create table ticket_steps (
    ticket_id blob not null references tickets (id) on delete cascade,
    position  integer not null,
    flow      text not null,              -- its name; '' for the built-in one
    revision  integer not null,           -- the flow's; 0 for the built-in one
    name      text not null,
    who       text not null,              -- JSON: kind, names, ids
    quorum    integer not null,           -- 0: all of them
    skipped   text,                       -- risk | environment: why nobody needs to approve it
    primary key (ticket_id, position)
) strict;

-- One yes of a person on a ticket, and never two.
create table ticket_approvals (
    ticket_id blob not null references tickets (id) on delete cascade,
    person    text not null,
    name      text not null,
    step      integer not null,
    comment   text not null,
    at        integer not null,
    counted   integer not null default 0, -- whether it is one of those that made the release
    primary key (ticket_id, person)
) strict;

insert into ticket_steps (ticket_id, position, flow, revision, name, who, quorum)
    select id, 0, '', 0, '', '{"kind":"anyone","names":[],"ids":[]}', 1 from tickets;
insert into ticket_approvals (ticket_id, person, name, step, comment, at, counted)
    select e.ticket_id, e.person, e.name, 0, e.comment, e.at, 1 from ticket_events e where e.kind = 'approved';
