//! Rows of `hosts`, as far as hosts are selected by them.

use muster_base::{ClusterId, HostId, OrgId, UnixMs};

use crate::{
    db::{Db, DbError},
    fleet::{HostPlace, Labels},
    with_pool,
};

#[derive(sqlx::FromRow)]
struct Row {
    org_id: OrgId,
    id: HostId,
    name: String,
    cluster_id: Option<ClusterId>,
    environment: Option<String>,
    labels: String,
    certificate_expires_at: UnixMs,
    last_seen_at: Option<UnixMs>,
}

/// By name.
pub(in crate::fleet) async fn list(db: &Db, org: Option<OrgId>) -> Result<Vec<(OrgId, HostPlace)>, DbError> {
    const SQL: &str = "select h.org_id, h.id, h.name, h.cluster_id, e.name as environment, h.labels, \
        h.certificate_expires_at, h.last_seen_at from hosts h left join environments e on e.id = h.environment_id \
        where h.deleted_at is null and ($1 is null or h.org_id = $1) order by h.org_id, h.name";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(org).fetch_all(pool).await)?;
    let place = |row: Row| {
        let place = HostPlace {
            id: row.id,
            name: row.name,
            cluster: row.cluster_id,
            environment: row.environment,
            labels: Labels::from_json(&row.labels)?,
            certificate_expires_at: row.certificate_expires_at,
            last_seen_at: row.last_seen_at,
        };
        Ok((row.org_id, place))
    };
    rows.into_iter().map(place).collect()
}
