//! `deployment_hosts`: what succeeded where, for whoever wants a container's name.

use muster_base::{ApplicationId, HostId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::to_json;
use crate::{
    db::{Db, DbError},
    with_pool,
};

/// When an application's environment last succeeded on a host.
#[derive(Debug, sqlx::FromRow)]
pub struct Claim {
    pub host_id: HostId,
    pub application_id: ApplicationId,
    pub environment: String,
    pub at: UnixMs,
}

/// What these applications did last on these hosts.
pub async fn list(
    db: &Db,
    org: OrgId,
    applications: &[ApplicationId],
    hosts: &[HostId],
) -> Result<Vec<Claim>, DbError> {
    let sql = format!(
        "select h.host_id, d.application_id, d.environment, max(coalesce(h.ended_at, 0)) as at \
         from deployment_hosts h join deployments d on d.id = h.deployment_id \
         where d.org_id = $1 and h.status = 'success' and {} and {} \
         group by h.host_id, d.application_id, d.environment",
        db.id_among("d.application_id", 2),
        db.id_among("h.host_id", 3)
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(to_json(&applications, "deployments.application_id")?)
        .bind(to_json(&hosts, "deployment_hosts.host_id")?)
        .fetch_all(pool)
        .await)?)
}
