//! Rows of `environment_policies`.

use muster_base::{OrgId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    schema::{ProofRule, policy::EnvironmentPolicy},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    environment: String,
    flows: String,
    author_may_decide: bool,
    windows: Option<String>,
    set_aside_days: Option<i64>,
    max_rows: Option<i64>,
    backup_days: Option<i64>,
    online: bool,
    proof: String,
    lint: Option<String>,
    updated_at: UnixMs,
    updated_by: String,
}

impl TryFrom<Record> for EnvironmentPolicy {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |_| DbError::Corrupt(format!("environment_policies of {}", record.environment));
        Ok(Self {
            flows: serde_json::from_str(&record.flows).map_err(corrupt)?,
            windows: (record.windows.as_deref().map(serde_json::from_str).transpose()).map_err(corrupt)?,
            set_aside_days: record.set_aside_days.and_then(|days| u16::try_from(days).ok()),
            max_rows: record.max_rows.and_then(|rows| u32::try_from(rows).ok()),
            backup_days: record.backup_days.and_then(|days| u16::try_from(days).ok()),
            online: record.online,
            proof: ProofRule::parse(&record.proof)?,
            lint: (record.lint.as_deref().map(serde_json::from_str).transpose())
                .map_err(corrupt)?
                .unwrap_or_default(),
            environment: record.environment,
            author_may_decide: record.author_may_decide,
            updated_at: Some(record.updated_at),
            updated_by: Some(record.updated_by),
        })
    }
}

const ONE: &str = "select environment, flows, author_may_decide, windows, set_aside_days, max_rows, backup_days, online, proof, lint, updated_at, updated_by \
    from environment_policies where org_id = $1 and environment = $2";

pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    environment: &str,
) -> Result<Option<EnvironmentPolicy>, DbError> {
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(ONE)
        .bind(org)
        .bind(environment)
        .fetch_optional(pool)
        .await)?;
    record.map(TryInto::try_into).transpose()
}

/// As the transaction sees it.
pub(in crate::schema) async fn find_in(
    tx: &mut Tx,
    org: OrgId,
    environment: &str,
) -> Result<Option<EnvironmentPolicy>, DbError> {
    let record: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(ONE)
        .bind(org)
        .bind(environment)
        .fetch_optional(conn)
        .await)?;
    record.map(TryInto::try_into).transpose()
}

/// All of the org's, those of environments that are gone too.
pub(in crate::schema) async fn list(db: &Db, org: OrgId) -> Result<Vec<EnvironmentPolicy>, DbError> {
    const SQL: &str = "select environment, flows, author_may_decide, windows, set_aside_days, max_rows, backup_days, online, proof, lint, updated_at, updated_by \
        from environment_policies where org_id = $1 order by environment";
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(org).fetch_all(pool).await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

/// Those of environments that are there, as the transaction sees them.
pub(in crate::schema) async fn list_in_force(
    tx: &mut Tx,
    org: OrgId,
) -> Result<Vec<EnvironmentPolicy>, DbError> {
    const SQL: &str = "select p.environment, p.flows, p.author_may_decide, p.windows, p.set_aside_days, p.max_rows, p.backup_days, \
        p.online, p.proof, p.lint, p.updated_at, p.updated_by \
        from environment_policies p join environments e on e.org_id = p.org_id and e.name = p.environment \
        where p.org_id = $1 order by p.environment";
    let records: Vec<Record> = with_tx!(tx, |conn| sqlx::query_as(SQL).bind(org).fetch_all(conn).await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::schema) async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    policy: &EnvironmentPolicy,
) -> Result<(), DbError> {
    const SQL: &str = "insert into environment_policies (org_id, environment, flows, author_may_decide, \
        windows, set_aside_days, max_rows, backup_days, online, proof, lint, updated_at, updated_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (org_id, environment) do update set \
        flows = excluded.flows, author_may_decide = excluded.author_may_decide, \
        windows = excluded.windows, set_aside_days = excluded.set_aside_days, max_rows = excluded.max_rows, backup_days = excluded.backup_days, \
        online = excluded.online, proof = excluded.proof, lint = excluded.lint, updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    let corrupt = |error: serde_json::Error| DbError::Corrupt(error.to_string());
    let flows = serde_json::to_string(&policy.flows).map_err(corrupt)?;
    let windows = policy.windows.as_ref().map(serde_json::to_string);
    let windows = windows.transpose().map_err(corrupt)?;
    let lint = (!policy.lint.is_empty()).then(|| serde_json::to_string(&policy.lint));
    let lint = lint.transpose().map_err(corrupt)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(&policy.environment)
            .bind(flows)
            .bind(policy.author_may_decide)
            .bind(windows)
            .bind(policy.set_aside_days.map(i64::from))
            .bind(policy.max_rows.map(i64::from))
            .bind(policy.backup_days.map(i64::from))
            .bind(policy.online)
            .bind(policy.proof.as_str())
            .bind(lint)
            .bind(policy.updated_at)
            .bind(&policy.updated_by)
            .execute(conn)
            .await?;
    });
    Ok(())
}
