//! `applications`.

use muster_base::{ApplicationId, OrgId, RegistryId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    delivery::application::{Application, Lifecycle, Mode},
    with_pool, with_tx,
};

const COLUMNS: &str = "id, name, description, mode, image, registry_id, repository, container, environments, \
    webhook_enabled, webhook_environment, status, created_by, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: ApplicationId,
    name: String,
    description: String,
    mode: String,
    image: String,
    registry_id: Option<RegistryId>,
    repository: Option<String>,
    container: String,
    environments: String,
    webhook_enabled: bool,
    webhook_environment: String,
    status: i64,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for Application {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        Ok(Self {
            id: record.id,
            name: record.name,
            description: record.description,
            mode: Mode::read(&record.mode)?,
            image: record.image,
            registry_id: record.registry_id,
            repository: record
                .repository
                .map(|text| from_json(&text, "applications.repository"))
                .transpose()?,
            container: from_json(&record.container, "applications.container")?,
            environments: from_json(&record.environments, "applications.environments")?,
            webhook_enabled: record.webhook_enabled,
            webhook_environment: record.webhook_environment,
            status: record.status,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, application: &Application) -> Result<(), DbError> {
    const SQL: &str = "insert into applications (id, org_id, name, description, mode, image, registry_id, container, \
        environments, webhook_enabled, webhook_environment, status, created_by, created_at, updated_at, repository, \
        repository_key) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let container = to_json(&application.container, "applications.container")?;
    let environments = to_json(&application.environments, "applications.environments")?;
    let (repository, key) = repository(application)?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(application.id)
            .bind(org)
            .bind(&application.name)
            .bind(&application.description)
            .bind(application.mode.as_str())
            .bind(&application.image)
            .bind(application.registry_id)
            .bind(container)
            .bind(environments)
            .bind(application.webhook_enabled)
            .bind(&application.webhook_environment)
            .bind(application.status)
            .bind(&application.created_by)
            .bind(application.created_at)
            .bind(application.updated_at)
            .bind(repository)
            .bind(key)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The repository as it is stored, and what is unique of it.
fn repository(application: &Application) -> Result<(Option<String>, Option<String>), DbError> {
    let Some(repository) = &application.repository else {
        return Ok((None, None));
    };
    Ok((
        Some(to_json(repository, "applications.repository")?),
        Some(repository.key()),
    ))
}

/// The org of an application, for whoever has nothing but its id.
pub async fn find_org(db: &Db, id: ApplicationId) -> Result<Option<OrgId>, DbError> {
    const SQL: &str = "select org_id from applications where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

pub async fn find(db: &Db, org: OrgId, id: ApplicationId) -> Result<Option<Application>, DbError> {
    let sql = format!("select {COLUMNS} from applications where org_id = $1 and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// Locks the row until the transaction ends: whatever concerns the application's deployments goes one by one.
pub async fn lock(tx: &mut Tx, org: OrgId, id: ApplicationId) -> Result<bool, DbError> {
    const SQL: &str = "update applications set revision = revision + 1 where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn list(
    db: &Db,
    org: OrgId,
    scope: &Scope,
    after: &str,
    limit: i64,
) -> Result<Vec<Application>, DbError> {
    let sql = format!(
        "select {COLUMNS} from applications where org_id = $1 and name > $2 and ($4 is null or {}) \
         order by name limit $3",
        db.id_among("id", 4)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Applications))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Everything but the status, which deployments set.
pub async fn update(tx: &mut Tx, org: OrgId, application: &Application) -> Result<bool, DbError> {
    const SQL: &str = "update applications set name = $3, description = $4, mode = $5, image = $6, registry_id = $7, \
        container = $8, environments = $9, webhook_enabled = $10, webhook_environment = $11, updated_at = $12, \
        repository = $13, repository_key = $14, revision = revision + 1 where org_id = $1 and id = $2";
    let container = to_json(&application.container, "applications.container")?;
    let environments = to_json(&application.environments, "applications.environments")?;
    let (repository, key) = repository(application)?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(application.id)
        .bind(&application.name)
        .bind(&application.description)
        .bind(application.mode.as_str())
        .bind(&application.image)
        .bind(application.registry_id)
        .bind(container)
        .bind(environments)
        .bind(application.webhook_enabled)
        .bind(&application.webhook_environment)
        .bind(application.updated_at)
        .bind(repository)
        .bind(key)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn set_status(
    tx: &mut Tx,
    org: OrgId,
    id: ApplicationId,
    status: Lifecycle,
) -> Result<(), DbError> {
    const SQL: &str = "update applications set status = $3 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(status as i64)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What CI says of a build, unless a deployment is under way: that says how the application is.
pub async fn set_build_status(
    tx: &mut Tx,
    org: OrgId,
    id: ApplicationId,
    status: Lifecycle,
) -> Result<(), DbError> {
    const SQL: &str = "update applications set status = $3 where org_id = $1 and id = $2 and status <> $4";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(status as i64)
            .bind(Lifecycle::Deploying as i64)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: ApplicationId) -> Result<(), DbError> {
    const SQL: &str = "delete from applications where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).execute(conn).await?;
    });
    Ok(())
}

/// Ids and names of those of `ids` that the org has.
pub async fn names(
    db: &Db,
    org: OrgId,
    ids: &[ApplicationId],
) -> Result<Vec<(ApplicationId, String)>, DbError> {
    let sql = format!(
        "select id, name from applications where org_id = $1 and {}",
        db.id_among("id", 2)
    );
    let ids = to_json(&ids, "ids")?;
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(ids)
        .fetch_all(pool)
        .await)?)
}
