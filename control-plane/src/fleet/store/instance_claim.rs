//! Rows of `instance_claims`.

use muster_base::{HostId, InstanceId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::host::in_reach;
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::instance::InstanceClaim,
    with_pool, with_tx,
};

/// What a host said last.
#[derive(sqlx::FromRow)]
pub(in crate::fleet) struct Claim {
    pub(in crate::fleet) instance: InstanceId,
    pub(in crate::fleet) told: String,
    pub(in crate::fleet) told_at: UnixMs,
}

/// Whether a host said just this, and the instance is a host that is still there.
pub(in crate::fleet) async fn is_settled(db: &Db, host: HostId, told: &str) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from instance_claims c join instances i on i.id = c.instance \
        join hosts h on h.id = i.host_id and h.deleted_at is null where c.host_id = $1 and c.told = $2";
    let count: i64 = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(told)
        .fetch_one(pool)
        .await)?;
    Ok(count > 0)
}

pub(in crate::fleet) async fn find(tx: &mut Tx, host: HostId) -> Result<Option<Claim>, DbError> {
    const SQL: &str = "select instance, told, told_at from instance_claims where host_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(host)
        .fetch_optional(conn)
        .await?))
}

pub(in crate::fleet) async fn set(
    tx: &mut Tx,
    host: HostId,
    instance: InstanceId,
    told: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into instance_claims (host_id, instance, told, told_at) values ($1, $2, $3, $4) \
        on conflict (host_id) do update set instance = excluded.instance, told = excluded.told, told_at = excluded.told_at";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(host)
            .bind(instance)
            .bind(told)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The hosts that are there and say that they are this instance.
pub(in crate::fleet) async fn hosts(
    tx: &mut Tx,
    org: OrgId,
    instance: InstanceId,
) -> Result<Vec<HostId>, DbError> {
    const SQL: &str = "select h.id from instance_claims c join hosts h on h.id = c.host_id \
        where c.instance = $2 and h.org_id = $1 and h.deleted_at is null order by c.told_at, h.id";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(instance)
        .fetch_all(conn)
        .await?))
}

/// All that hosts of the org say, by instance, the first that said so first.
pub(in crate::fleet) async fn all(tx: &mut Tx, org: OrgId) -> Result<Vec<(InstanceId, HostId)>, DbError> {
    const SQL: &str = "select c.instance, h.id from instance_claims c join hosts h on h.id = c.host_id \
        where h.org_id = $1 and h.deleted_at is null order by c.told_at, h.id";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .fetch_all(conn)
        .await?))
}

/// What hosts in reach say of these instances.
pub(in crate::fleet) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    instances: &[InstanceId],
) -> Result<Vec<(InstanceId, InstanceClaim)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        instance: InstanceId,
        id: HostId,
        name: String,
        told_at: UnixMs,
    }
    if instances.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select c.instance, h.id, h.name, c.told_at from instance_claims c join hosts h on h.id = c.host_id \
         left join environments e on e.id = h.environment_id \
         where h.org_id = $1 and h.deleted_at is null and {} and {} order by c.told_at, h.id",
        db.id_among("c.instance", 2),
        in_reach(db, 3)
    );
    let ids = serde_json::to_string(instances).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let (hosts, clusters) = scope.place().unzip();
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(ids)
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    let claim = |row: Row| {
        let claim = InstanceClaim {
            host_id: row.id,
            host_name: row.name,
            told_at: row.told_at,
        };
        (row.instance, claim)
    };
    Ok(rows.into_iter().map(claim).collect())
}
