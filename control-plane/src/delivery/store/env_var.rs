//! `env_vars`.

use muster_base::{ApplicationId, EnvVarId, OrgId, SecretId, UnixMs};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    access::{self, ObjectKind},
    db::{Db, DbError, Tx},
    delivery::env_var::{EnvVar, Scope, ValueType},
    secrets::SecretReference,
    with_pool, with_tx,
};

const COLUMNS: &str = "id, scope, application_id, environment, name, value, secret_id, created_by, created_at, \
    updated_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: EnvVarId,
    scope: String,
    application_id: Option<ApplicationId>,
    environment: Option<String>,
    name: String,
    value: Option<String>,
    secret_id: Option<SecretId>,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for EnvVar {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let (value_type, value) = match (record.value, record.secret_id) {
            (Some(value), None) => (ValueType::Plain, value),
            (None, Some(secret)) => (ValueType::SecretRef, SecretReference(secret).to_string()),
            (Some(_), Some(_)) | (None, None) => return Err(DbError::Corrupt("env_vars.value".to_owned())),
        };
        Ok(Self {
            id: record.id,
            scope: Scope::read(&record.scope)?,
            application_id: record.application_id,
            environment: record.environment,
            name: record.name,
            value_type,
            value,
            secret_id: record.secret_id,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

/// What is unique together with the name.
fn owner(org: OrgId, variable: &EnvVar) -> String {
    let application = variable
        .application_id
        .map(|id| id.to_string())
        .unwrap_or_default();
    let environment = variable.environment.as_deref().unwrap_or_default();
    match variable.scope {
        Scope::Global => "global".to_owned(),
        Scope::Org => format!("org:{org}"),
        Scope::Application => format!("application:{application}"),
        Scope::Environment => format!("environment:{application}:{environment}"),
    }
}

fn org_of(org: OrgId, scope: Scope) -> Option<OrgId> {
    match scope {
        Scope::Global => None,
        Scope::Org | Scope::Application | Scope::Environment => Some(org),
    }
}

fn plain(variable: &EnvVar) -> Option<&str> {
    match variable.value_type {
        ValueType::Plain => Some(&variable.value),
        ValueType::SecretRef => None,
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, variable: &EnvVar) -> Result<(), DbError> {
    const SQL: &str = "insert into env_vars (id, org_id, scope, owner, application_id, environment, name, value, \
        secret_id, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(variable.id)
            .bind(org_of(org, variable.scope))
            .bind(variable.scope.as_str())
            .bind(owner(org, variable))
            .bind(variable.application_id)
            .bind(&variable.environment)
            .bind(&variable.name)
            .bind(plain(variable))
            .bind(variable.secret_id)
            .bind(&variable.created_by)
            .bind(variable.created_at)
            .bind(variable.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Those of the org, and the global ones, which are everybody's.
pub async fn find(db: &Db, org: OrgId, id: EnvVarId) -> Result<Option<EnvVar>, DbError> {
    let sql = format!("select {COLUMNS} from env_vars where (org_id = $1 or org_id is null) and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub async fn list(
    db: &Db,
    (org, scope): (OrgId, &access::Scope),
    application: Option<ApplicationId>,
    after: Option<EnvVarId>,
    limit: i64,
) -> Result<Vec<EnvVar>, DbError> {
    let only = if application.is_some() {
        "and application_id = $6"
    } else {
        ""
    };
    let sql = format!(
        "select {COLUMNS} from env_vars where (org_id = $1 or org_id is null) and id > $2 \
         and ($4 is null or application_id is null or {}) and ($5 is null or environment is null or {}) {only} \
         order by id limit $3",
        db.id_among("application_id", 4),
        db.text_among("environment", 5)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| {
        let mut query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(org)
            .bind(after.unwrap_or(EnvVarId::from_uuid(Uuid::nil())))
            .bind(limit)
            .bind(scope.keys(ObjectKind::Applications))
            .bind(scope.keys(ObjectKind::Environments));
        if let Some(application) = application {
            query = query.bind(application);
        }
        query.fetch_all(pool).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Every variable that has a say in one environment of one application.
pub async fn list_effective(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Vec<EnvVar>, DbError> {
    let sql = format!(
        "select {COLUMNS} from env_vars where scope = 'global' or (org_id = $1 and (scope = 'org' \
         or (application_id = $2 and (scope = 'application' or environment = $3))))"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Variables that refer to one of these secrets, and those of the same names in other scopes, which may stand before
/// them.
pub async fn list_referring(db: &Db, org: OrgId, secrets: &[SecretId]) -> Result<Vec<EnvVar>, DbError> {
    let sql = format!(
        "select {COLUMNS} from env_vars where (org_id = $1 or org_id is null) and name in \
         (select name from env_vars where org_id = $1 and {})",
        db.id_among("secret_id", 2)
    );
    let wanted = serde_json::to_string(secrets).unwrap_or_else(|_| "[]".to_owned());
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(wanted)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Which of these secrets variables refer to.
pub async fn list_referred(tx: &mut Tx, org: OrgId, secrets: &[SecretId]) -> Result<Vec<SecretId>, DbError> {
    let sql = format!(
        "select distinct secret_id from env_vars where org_id = $1 and {}",
        tx.id_among("secret_id", 2)
    );
    let wanted = serde_json::to_string(secrets).unwrap_or_else(|_| "[]".to_owned());
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(org)
        .bind(wanted)
        .fetch_all(conn)
        .await?))
}

/// Names that are taken in the application's own scope, or its environment's.
pub async fn list_names(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: Option<&str>,
) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select name from env_vars where org_id = $1 and application_id = $2 \
        and coalesce(environment, '') = $3";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(environment.unwrap_or_default())
        .fetch_all(conn)
        .await?))
}

pub async fn update(tx: &mut Tx, org: OrgId, variable: &EnvVar) -> Result<bool, DbError> {
    const SQL: &str = "update env_vars set value = $3, secret_id = $4, updated_at = $5 \
        where (org_id = $1 or (org_id is null and scope = 'global')) and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(variable.id)
        .bind(plain(variable))
        .bind(variable.secret_id)
        .bind(variable.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: EnvVarId) -> Result<bool, DbError> {
    const SQL: &str =
        "delete from env_vars where (org_id = $1 or (org_id is null and scope = 'global')) and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
