-- Alerts: rules, what they found, and who hears of it.

create table alert_receivers (
    id         uuid not null primary key,
    org_id     uuid not null references orgs (id) on delete cascade,
    name       text not null,
    -- mail | webhook | slack | dingtalk | feishu | wecom
    kind       text not null,
    -- en | zh
    language   text not null,
    enabled    boolean not null,
    -- JSON: e-mail addresses, of those that are mail
    addresses  text not null default '[]',
    -- scheme and host of the address, for people; the address itself is a credential
    place      text not null default '',
    -- whether what it gets is signed
    signed     boolean not null default false,
    last_test_at bigint,
    last_test_ok boolean,
    last_test    text,
    created_by text not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (org_id, name)
);

create table alert_rules (
    id         uuid not null primary key,
    org_id     uuid not null references orgs (id) on delete cascade,
    name       text not null,
    enabled    boolean not null,
    -- JSON: severity, what it looks at, when it fires, who hears of it
    definition text not null,
    created_by text not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (org_id, name)
);

-- Which receivers the rules' definitions name, so that none of them is deleted.
create table alert_rule_receivers (
    rule_id     uuid not null references alert_rules (id) on delete cascade,
    receiver_id uuid not null references alert_receivers (id),
    primary key (rule_id, receiver_id)
);
create index alert_rule_receivers_receiver on alert_rule_receivers (receiver_id);

-- One row is one time that a rule found something: from pending to resolved. What never fired is deleted.
create table alerts (
    id             uuid not null primary key,
    org_id         uuid not null references orgs (id) on delete cascade,
    -- kept after the rule and the host are gone
    rule_id        uuid not null,
    rule_name      text not null,
    -- threshold | hostDown | diskFull
    kind           text not null,
    -- info | warning | critical
    severity       text not null,
    host_id        uuid not null,
    host_name      text not null,
    -- empty for the host's own
    container      text not null,
    -- empty where the rule has none
    series         text not null,
    -- pending | firing | resolved
    state          text not null,
    -- each write counts one on: of two who would take the same step, one does
    version        bigint not null,
    -- the value at the last step
    value          double precision,
    pending_since  bigint not null,
    fired_at       bigint,
    -- since when it has been all right, before that is believed
    clearing_since bigint,
    -- since when there have been no readings
    no_data_since  bigint,
    -- when it was last told that it fires; null if that was never told
    told_at        bigint,
    -- whether it was told that the readings stopped
    no_data_told   boolean not null default false,
    resolved_at    bigint,
    -- ok | gone | unselected | ruleChanged
    reason         text
);
create unique index alerts_open on alerts (rule_id, host_id, container, series) where state in ('pending', 'firing');
create index alerts_by_org on alerts (org_id, state, id);
create index alerts_resolved on alerts (resolved_at) where state = 'resolved';
