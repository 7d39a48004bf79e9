//! The environments of applications: their names in `applications`, and what is going on there, the newest rows of
//! `deployments`.

use std::collections::BTreeMap;

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs};

use super::from_json;
use crate::{
    db::{Db, DbError, Tx},
    delivery::{
        deployment::Status,
        environment::{ApplicationEnvironment, LatestTask},
    },
    with_pool, with_tx,
};

/// An environment of an application as it is now.
pub async fn find_in(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    name: &str,
) -> Result<Option<ApplicationEnvironment>, DbError> {
    const SQL: &str = "select environments from applications where org_id = $1 and id = $2";
    let text: Option<String> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .fetch_optional(conn)
        .await?);
    let Some(text) = text else { return Ok(None) };
    let mut all: BTreeMap<String, ApplicationEnvironment> = from_json(&text, "applications.environments")?;
    Ok(all.remove(name))
}

/// The newest deployment in each environment.
pub async fn list_latest(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
) -> Result<BTreeMap<String, LatestTask>, DbError> {
    const SQL: &str = "select d.environment, d.id, d.version, d.status, d.created_at from deployments d \
        where d.org_id = $1 and d.application_id = $2 and not exists (select 1 from deployments n \
        where n.application_id = d.application_id and n.environment = d.environment and n.id > d.id)";
    let rows: Vec<(String, DeploymentId, String, String, UnixMs)> =
        with_pool!(db, |pool| sqlx::query_as(SQL)
            .bind(org)
            .bind(application)
            .fetch_all(pool)
            .await)?;
    rows.into_iter()
        .map(|(environment, task_id, version, status, created_at)| {
            let status = Status::read(&status)?;
            let task = LatestTask {
                task_id,
                version,
                status,
                completed: status.is_final(),
                created_at,
            };
            Ok((environment, task))
        })
        .collect()
}

/// The version of the deployment that succeeded last in each environment.
pub async fn list_versions(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
) -> Result<BTreeMap<String, String>, DbError> {
    const SQL: &str = "select environment, version from (select environment, version, row_number() over \
        (partition by environment order by coalesce(completed_at, created_at) desc, id desc) as place \
        from deployments where org_id = $1 and application_id = $2 and status = 'success') as ranked where place = 1";
    let rows: Vec<(String, String)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().collect())
}

/// The names of the environments of each of the org's applications.
pub async fn list_names(db: &Db, org: OrgId) -> Result<Vec<Vec<String>>, DbError> {
    const SQL: &str = "select environments from applications where org_id = $1";
    let rows: Vec<String> = with_pool!(db, |pool| sqlx::query_scalar(SQL).bind(org).fetch_all(pool).await)?;
    rows.iter()
        .map(|text| {
            let environments: BTreeMap<String, ApplicationEnvironment> =
                from_json(text, "applications.environments")?;
            Ok(environments.into_keys().collect())
        })
        .collect()
}
