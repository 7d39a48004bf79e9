//! Rows of `alert_rules` and `alert_rule_receivers`.

use muster_base::{AlertReceiverId, AlertRuleId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    alerts::rule::{AlertRule, AlertRuleInput},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

const COLUMNS: &str = "org_id, id, name, enabled, definition, created_by, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Row {
    org_id: OrgId,
    id: AlertRuleId,
    name: String,
    enabled: bool,
    definition: String,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl Row {
    fn rule(self) -> Result<(OrgId, AlertRule), DbError> {
        let mut rule: AlertRuleInput = from_json(&self.definition, "alert_rules.definition")?;
        rule.name = self.name;
        rule.enabled = self.enabled;
        let rule = AlertRule {
            id: self.id,
            rule,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Ok((self.org_id, rule))
    }
}

pub(in crate::alerts) async fn count(tx: &mut Tx, org: OrgId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from alert_rules where org_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::alerts) async fn insert(tx: &mut Tx, org: OrgId, rule: &AlertRule) -> Result<(), DbError> {
    const SQL: &str = "insert into alert_rules \
        (id, org_id, name, enabled, definition, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let definition = to_json(&rule.rule, "alert_rules.definition")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(rule.id)
            .bind(org)
            .bind(&rule.rule.name)
            .bind(rule.rule.enabled)
            .bind(definition)
            .bind(&rule.created_by)
            .bind(rule.created_at)
            .bind(rule.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::alerts) async fn update(tx: &mut Tx, org: OrgId, rule: &AlertRule) -> Result<bool, DbError> {
    const SQL: &str = "update alert_rules set name = $3, enabled = $4, definition = $5, updated_at = $6 \
        where org_id = $1 and id = $2";
    let definition = to_json(&rule.rule, "alert_rules.definition")?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(rule.id)
        .bind(&rule.rule.name)
        .bind(rule.rule.enabled)
        .bind(definition)
        .bind(rule.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::alerts) async fn delete(tx: &mut Tx, org: OrgId, id: AlertRuleId) -> Result<bool, DbError> {
    const SQL: &str = "delete from alert_rules where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::alerts) async fn find(
    db: &Db,
    org: OrgId,
    id: AlertRuleId,
) -> Result<Option<AlertRule>, DbError> {
    let sql = format!("select {COLUMNS} from alert_rules where org_id = $1 and id = $2");
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(Row::rule).transpose()?.map(|(_, rule)| rule))
}

/// By name.
pub(in crate::alerts) async fn list(
    db: &Db,
    org: OrgId,
    after: &str,
    limit: i64,
) -> Result<Vec<AlertRule>, DbError> {
    let sql =
        format!("select {COLUMNS} from alert_rules where org_id = $1 and name > $2 order by name limit $3");
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| Ok(row.rule()?.1)).collect()
}

/// Every rule that is held against readings, of every org.
pub(in crate::alerts) async fn list_enabled(db: &Db) -> Result<Vec<(OrgId, AlertRule)>, DbError> {
    let sql = format!("select {COLUMNS} from alert_rules where enabled order by org_id, id");
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::rule).collect()
}

pub(in crate::alerts) async fn clear_receivers(tx: &mut Tx, rule: AlertRuleId) -> Result<(), DbError> {
    const SQL: &str = "delete from alert_rule_receivers where rule_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(rule).execute(conn).await?;
    });
    Ok(())
}

/// False if the org has no such receiver.
pub(in crate::alerts) async fn add_receiver(
    tx: &mut Tx,
    org: OrgId,
    rule: AlertRuleId,
    receiver: AlertReceiverId,
) -> Result<bool, DbError> {
    const EXISTS: &str = "select count(*) from alert_receivers where org_id = $1 and id = $2";
    const ADD: &str = "insert into alert_rule_receivers (rule_id, receiver_id) values ($1, $2) \
        on conflict (rule_id, receiver_id) do nothing";
    let there: i64 = with_tx!(tx, |conn| sqlx::query_scalar(EXISTS)
        .bind(org)
        .bind(receiver)
        .fetch_one(conn)
        .await)?;
    if there == 0 {
        return Ok(false);
    }
    with_tx!(tx, |conn| {
        sqlx::query(ADD).bind(rule).bind(receiver).execute(conn).await?;
    });
    Ok(true)
}
