//! The environments of applications: their names in `applications`, and what is going on there, the newest rows of
//! `deployments`.

use std::collections::BTreeMap;

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

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

/// The names of the environments that an application (`$2`) was ever deployed to, as a table `names (name)` with an empty
/// row at its end: one look into an index for each, however many deployments there are.
pub(super) const NAMES: &str = "with recursive names (name) as (select min(environment) from deployments \
    where application_id = $2 union all select (select min(d.environment) from deployments d \
    where d.application_id = $2 and d.environment > names.name) from names where names.name is not null)";

/// The id of what succeeded last in the environment `names.name` of application `$2`, as `deployments_succeeded` has it.
pub(super) const SUCCEEDED: &str = "(select s.id from deployments s where s.application_id = $2 \
    and s.environment = names.name and s.status = 'success' \
    order by coalesce(s.completed_at, s.created_at) desc, s.id desc limit 1)";

/// The newest deployment in each environment.
pub async fn list_latest(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
) -> Result<BTreeMap<String, LatestTask>, DbError> {
    let sql = format!(
        "{NAMES} select d.environment, d.id, d.version, d.status, d.created_at from names join deployments d \
         on d.id = (select n.id from deployments n where n.application_id = $2 and n.environment = names.name \
         order by n.id desc limit 1) where d.org_id = $1"
    );
    let rows: Vec<(String, DeploymentId, String, String, UnixMs)> =
        with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
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
    let sql = format!(
        "{NAMES} select d.environment, d.version from names join deployments d on d.id = {SUCCEEDED} \
         where d.org_id = $1"
    );
    let rows: Vec<(String, String)> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
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
