-- What leaves the house: mails and text messages, each until it was sent or given up.

create table outbox (
    id uuid not null primary key,
    -- mail | sms
    kind text not null,
    -- whose administrators may see it; null: the super administrator only
    platform_id uuid references platforms (id),
    -- an e-mail address or a mobile number
    recipient text not null,
    -- en | zh
    language text not null,
    template text not null,
    -- JSON object of texts, none of them secret
    parameters text not null,
    -- the code or link that it carries, sealed; empty without one, and when it was sent or has expired
    secret text not null default '',
    -- waiting | sent | dead
    state text not null,
    -- claims so far; also tells the claims apart
    attempts bigint not null default 0,
    -- when it is due; a claim moves it forward, so that a process which dies loses nothing
    next_attempt_at bigint not null,
    -- what is worth nothing later is not sent later
    expires_at bigint not null,
    last_error text not null default '',
    created_at bigint not null,
    -- when it was sent or given up
    ended_at bigint
);
create index outbox_due on outbox (next_attempt_at, id) where state = 'waiting';
create index outbox_ended on outbox (state, ended_at);
create index outbox_platform on outbox (platform_id, id);
