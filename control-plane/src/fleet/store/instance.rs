//! Rows of `instances`.

use std::collections::HashMap;

use muster_base::{HostId, InstanceId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::host::{in_reach, like};
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::instance::{Instance, InstanceQuery, Kept},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: InstanceId,
    host_id: Option<HostId>,
    host_name: Option<String>,
    record: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Row> for Instance {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            host_id: row.host_id,
            host_name: row.host_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            record: serde_json::from_str(&row.record)
                .map_err(|error| DbError::Corrupt(format!("instances.record: {error}")))?,
        })
    }
}

/// Whoever is narrowed to some hosts sees the instances that are these.
const SELECT: &str = "select i.id, h.id as host_id, h.name as host_name, i.record, i.created_at, i.updated_at \
    from instances i left join hosts h on h.id = i.host_id and h.org_id = i.org_id and h.deleted_at is null \
    left join environments e on e.id = h.environment_id where i.org_id = $1";

pub(in crate::fleet) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    query: &InstanceQuery,
    after: Option<(String, InstanceId)>,
    limit: i64,
) -> Result<Vec<Instance>, DbError> {
    let in_reach = in_reach(db, 8);
    let record = match db {
        Db::Sqlite(_) => "i.record",
        Db::Postgres(_) => "i.record::jsonb",
    };
    let sql = format!(
        "{SELECT} and ($2 is null or (i.name, i.id) > ($2, $3)) and ($4 is null or i.provider = $4) \
         and ($5 is null or i.host_id = $5) and ($6 is null or i.expired_at < $6) \
         and ($7 is null or i.search like $7 escape '\\') and {in_reach} \
         and ($12 is null or $12 in ({record} ->> 'regionId', {record} ->> 'regionName')) \
         order by i.name, i.id limit $11"
    );
    let (hosts, clusters) = scope.place().unzip();
    let (name, id) = after.unzip();
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(name)
        .bind(id)
        .bind(query.provider.as_deref())
        .bind(query.host_id)
        .bind(query.expires_before)
        .bind(search.map(like))
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(limit)
        .bind(query.region.as_deref())
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::fleet) async fn find(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    id: InstanceId,
) -> Result<Option<Instance>, DbError> {
    let sql = format!("{SELECT} and i.id = $2 and {}", in_reach(db, 3));
    let (hosts, clusters) = scope.place().unzip();
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .bind(&hosts)
        .bind(&clusters)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// One import of an org at a time.
pub(in crate::fleet) async fn lock(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    match tx {
        // The single writer.
        Tx::Sqlite(_) => {}
        Tx::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('instances ' || $1::text, 0))")
                .bind(org)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// What is kept of each: its host and its record, by provider and the provider's id.
pub(in crate::fleet) async fn known(
    tx: &mut Tx,
    org: OrgId,
) -> Result<HashMap<(String, String), (Option<HostId>, String)>, DbError> {
    const SQL: &str = "select provider, instance_id, host_id, record from instances where org_id = $1";
    let rows: Vec<(String, String, Option<HostId>, String)> =
        with_tx!(tx, |conn| sqlx::query_as(SQL).bind(org).fetch_all(conn).await?);
    let entry = |(provider, id, host, record)| ((provider, id), (host, record));
    Ok(rows.into_iter().map(entry).collect())
}

/// Makes or changes all of them at once.
pub(in crate::fleet) async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    rows: &[Kept],
    now: UnixMs,
) -> Result<(), DbError> {
    const CONFLICT: &str = "on conflict (org_id, provider, instance_id) do update set name = excluded.name, \
        host_id = excluded.host_id, expired_at = excluded.expired_at, search = excluded.search, record = excluded.record, \
        updated_at = excluded.updated_at";
    const INTO: &str = "insert into instances \
        (id, org_id, provider, instance_id, name, host_id, expired_at, search, record, created_at, updated_at)";
    if rows.is_empty() {
        return Ok(());
    }
    let sql = if matches!(tx, Tx::Sqlite(_)) {
        format!(
            "{INTO} select unhex(value ->> 'id', '-'), $1, value ->> 'provider', value ->> 'instanceId', \
             value ->> 'name', unhex(value ->> 'hostId', '-'), value ->> 'expiredAt', value ->> 'search', value ->> 'record', $3, $3 \
             from json_each($2) where true {CONFLICT}"
        )
    } else {
        format!(
            "{INTO} select (value ->> 'id')::uuid, $1, value ->> 'provider', value ->> 'instanceId', \
             value ->> 'name', (value ->> 'hostId')::uuid, (value ->> 'expiredAt')::bigint, value ->> 'search', \
             value ->> 'record', $3, $3 from jsonb_array_elements($2::jsonb) {CONFLICT}"
        )
    };
    let rows = serde_json::to_string(rows).map_err(|error| DbError::Corrupt(error.to_string()))?;
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(org)
            .bind(rows)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn delete(tx: &mut Tx, org: OrgId, id: InstanceId) -> Result<bool, DbError> {
    const SQL: &str = "delete from instances where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
