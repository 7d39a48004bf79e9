//! Rows of `clusters`.

use muster_base::{ClusterId, OrgId, UnixMs};

use sqlx::AssertSqlSafe;

use crate::{
    access::Scope,
    db::{Db, DbError, Tx},
    fleet::cluster::{Cluster, ClusterStatus},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: ClusterId,
    name: String,
    description: String,
    status: String,
    host_count: i64,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Row> for Cluster {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            description: row.description,
            status: ClusterStatus::parse(&row.status)?,
            host_count: row.host_count,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(in crate::fleet) async fn list(
    db: &Db,
    org: OrgId,
    scope: &Scope,
    after: &str,
    limit: i64,
) -> Result<Vec<Cluster>, DbError> {
    let in_reach = db.id_among("c.id", 4);
    let sql = format!(
        "select c.id, c.name, c.description, c.status, c.created_at, c.updated_at, \
        (select count(*) from hosts h where h.cluster_id = c.id and h.deleted_at is null) as host_count \
        from clusters c where c.org_id = $1 and c.name > $2 and ($4 is null or {in_reach}) order by c.name limit $3"
    );
    let clusters = scope.place().map(|(_, clusters)| clusters);
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .bind(&clusters)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::fleet) async fn names(db: &Db, org: OrgId) -> Result<Vec<(ClusterId, String)>, DbError> {
    const SQL: &str = "select id, name from clusters where org_id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

pub(in crate::fleet) async fn find(db: &Db, org: OrgId, id: ClusterId) -> Result<Option<Cluster>, DbError> {
    const SQL: &str = "select c.id, c.name, c.description, c.status, c.created_at, c.updated_at, \
        (select count(*) from hosts h where h.cluster_id = c.id and h.deleted_at is null) as host_count \
        from clusters c where c.org_id = $1 and c.id = $2";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::fleet) async fn insert(tx: &mut Tx, org: OrgId, row: &Cluster) -> Result<(), DbError> {
    const SQL: &str = "insert into clusters (id, org_id, name, description, status, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(org)
            .bind(&row.name)
            .bind(&row.description)
            .bind(row.status.as_str())
            .bind(row.created_at)
            .bind(row.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn update(tx: &mut Tx, org: OrgId, row: &Cluster) -> Result<bool, DbError> {
    const SQL: &str = "update clusters set name = $3, description = $4, status = $5, updated_at = $6 \
        where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(row.id)
        .bind(&row.name)
        .bind(&row.description)
        .bind(row.status.as_str())
        .bind(row.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn delete(tx: &mut Tx, org: OrgId, id: ClusterId) -> Result<bool, DbError> {
    const SQL: &str = "delete from clusters where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Takes the cluster away from what is gone already and only kept for history.
pub(in crate::fleet) async fn forget_removed(
    tx: &mut Tx,
    org: OrgId,
    id: ClusterId,
    now: UnixMs,
) -> Result<(), DbError> {
    const HOSTS: &str =
        "update hosts set cluster_id = null where org_id = $1 and cluster_id = $2 and deleted_at is not null";
    const TOKENS: &str = "update join_tokens set cluster_id = null \
        where org_id = $1 and cluster_id = $2 and (withdrawn_at is not null or uses_left = 0 or expires_at <= $3)";
    with_tx!(tx, |conn| {
        sqlx::query(HOSTS).bind(org).bind(id).execute(&mut *conn).await?;
        sqlx::query(TOKENS)
            .bind(org)
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
