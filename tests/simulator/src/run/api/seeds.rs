//! The first rows of what the API can't make by itself: a host, a clock, a Git host or a database server would have to
//! do something first. They are written as the product writes them; [`copies`](super::copies) makes many of them.

use super::database::Database;
use anyhow::Result;

/// Each with its table. Words in braces become ids; `{id}` another one each time, `{now}` the time.
const SEEDS: &[(&str, &str)] = &[
    (
        "alerts",
        "insert into alerts (id, org_id, rule_id, rule_name, kind, severity, host_id, host_name, container, series, \
         state, version, value, pending_since, fired_at, told_at, resolved_at, reason) values ({id}, {org}, \
         {alerts/rules}, 'thing', 'threshold', 'warning', {hosts}, 'host', '', 'cpu.total', 'resolved', 3, 99.5, \
         {now}, {now}, {now}, {now}, 'ok')",
    ),
    (
        "alerts",
        "insert into alerts (id, org_id, rule_id, rule_name, kind, severity, host_id, host_name, container, series, \
         state, version, pending_since, fired_at, told_at) values ({id}, {org}, {alerts/rules}, 'thing', 'hostDown', \
         'critical', {hosts}, 'host', '', '', 'firing', 2, {now}, {now}, {now})",
    ),
    (
        "set_asides",
        "insert into set_asides (id, org_id, server_id, database, kind, namespace, table_name, name, name_now, \
         drop_sql, restore_sql, release_id, execution_id, at, expires_at, state, state_at) values ({id}, {org}, \
         {servers}, 'shop', 'column', 'public', 'orders', 'note', 'note_aside', 'alter table orders drop column \
         note_aside', 'alter table orders rename column note_aside to note', {releases}, {executions}, {now}, \
         {now} + 2592000000, 'kept', {now})",
    ),
    (
        "git_pushes",
        "insert into git_pushes (id, org_id, hook_id, call_key, repository, branch, sha, commits, is_complete, at) \
         values ({id}, {org}, {projects/hooks}, 'call', 'acme/thing', 'main', \
         '0123456789012345678901234567890123456789', 1, true, {now})",
    ),
    (
        "git_wishes",
        "insert into git_wishes (id, push_id, hook_id, position, sha, author, title, wish, environment, version, \
         state, refusals, at) select {id}, id, hook_id, 0, sha, 'somebody', 'Mend it [release 1]', '[release 1]', \
         'prod', '1', 'refused', '[]', {now} from git_pushes where hook_id = {projects/hooks}",
    ),
    (
        "secret_syncs",
        "insert into secret_syncs (id, org_id, group_id, provider_id, trigger_type, created_by, started_at, ended_at, \
         status, error) values ({id}, {org}, {secrets/groups}, {secrets/providers}, 'schedule', 'schedule', {now}, \
         {now}, 'failure', 'nobody is there')",
    ),
    (
        "webhook_refusals",
        "insert into webhook_refusals (id, org_id, application_id, environment, reason, ip, at) values ({id}, {org}, \
         {applications}, 'default', 'address', '192.0.2.1', {now})",
    ),
    (
        "messages",
        "insert into messages (id, user_id, org_id, mode, sub_mode, content, created_at) values ({id}, {owner}, {org}, \
         5, 3, 'thing was deployed', {now})",
    ),
    (
        "outbox",
        "insert into outbox (id, kind, platform_id, recipient, language, template, parameters, state, attempts, \
         next_attempt_at, expires_at, created_at, ended_at) values ({id}, 'mail', {platform}, 'user-0@example.com', \
         'en', 'test', '{}', 'sent', 1, {now}, {now} + 86400000, {now}, {now} + 86400000)",
    ),
    (
        "devices",
        "insert into devices (id, user_id, token_hash, name, ip, created_at, seen_at) values ({id}, {owner}, {bytes}, \
         'Firefox', '192.0.2.1', {now}, {now})",
    ),
    (
        "containers",
        "insert into containers (host_id, name, org_id, container_id, image, image_id, state, health, restarts, \
         created_at, started_at, labels, present, seen_at) values ({hosts}, 'web', {org}, 'c0ffee', 'team/shop:1', \
         'sha256:c0ffee', 'running', 'healthy', 0, {now}, {now}, '{}', true, {now})",
    ),
    // Everybody who isn't asked for answers: their own inboxes and rights stay what they are.
    (
        "administrators",
        "insert into administrators (user_id, platform_id, kind, added_by, created_at) select id, platform_id, \
         'operator', 'admin', {now} from users where id not in ({owner}, {member}) order by id limit 500",
    ),
    (
        "members",
        "insert into members (org_id, user_id, role, status, created_at, updated_at) select {org}, id, 'MEMBER', 0, \
         {now}, {now} from users where id not in (select user_id from members where org_id = {org}) order by id \
         limit 1000",
    ),
    (
        "members",
        "insert into members (org_id, user_id, role, status, created_at, updated_at) select o.id, u.id, 'MEMBER', 0, \
         {now}, {now} from orgs o cross join users u where u.id in ({owner}, {member}) and o.id not in (select \
         m.org_id from members m where m.user_id = u.id)",
    ),
    (
        "bindings",
        "insert into bindings (user_id, platform_id, type, type_account, created_at) select u.id, u.platform_id, \
         t.code, u.username, {now} from users u cross join binding_types t where t.code = 'thing'",
    ),
];

/// What has to be true after the copies were made: the log goes on behind its last row.
const AFTER: (&str, &str) = (
    "audit_heads",
    "update audit_heads set seq = (select max(l.seq) from audit_log l where l.scope = audit_heads.scope) \
     where scope = {orgText}",
);

pub(super) async fn settle(database: &mut Database, spell: &impl Fn(&str) -> Result<String>) -> Result<()> {
    let (table, sql) = AFTER;
    database.run(table, spell(sql)?).await?;
    Ok(())
}

pub(super) async fn plant(database: &mut Database, spell: &impl Fn(&str) -> Result<String>) -> Result<()> {
    for (table, sql) in SEEDS {
        database.run(table, spell(sql)?).await?;
    }
    Ok(())
}
