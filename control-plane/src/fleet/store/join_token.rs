//! Rows of `join_tokens`.

use muster_base::{ClusterId, EnvironmentId, HostId, JoinTokenId, OrgId, UnixMs};

use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::{Labels, join_token::JoinTokenInfo},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: JoinTokenId,
    uses: i64,
    uses_left: i64,
    expires_at: UnixMs,
    cluster_id: Option<ClusterId>,
    environment: Option<String>,
    labels: String,
    created_by: String,
    created_at: UnixMs,
}

/// What a token grants.
#[derive(sqlx::FromRow)]
pub(in crate::fleet) struct Grant {
    pub(in crate::fleet) id: JoinTokenId,
    pub(in crate::fleet) org_id: OrgId,
    pub(in crate::fleet) cluster_id: Option<ClusterId>,
    pub(in crate::fleet) environment_id: Option<EnvironmentId>,
    pub(in crate::fleet) labels: String,
}

pub(in crate::fleet) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    token: &JoinTokenInfo,
    environment: Option<EnvironmentId>,
    hash: &[u8],
) -> Result<(), DbError> {
    const SQL: &str = "insert into join_tokens (id, org_id, hash, uses, uses_left, expires_at, cluster_id, \
        environment_id, labels, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(token.id)
            .bind(org)
            .bind(hash)
            .bind(token.uses)
            .bind(token.uses_left)
            .bind(token.expires_at)
            .bind(token.cluster_id)
            .bind(environment)
            .bind(token.labels.to_json())
            .bind(&token.created_by)
            .bind(token.created_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    before: Option<JoinTokenId>,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<JoinTokenInfo>, DbError> {
    let (cluster, environment) = (db.id_among("t.cluster_id", 5), db.text_among("e.name", 6));
    let sql = format!(
        "select t.id, t.uses, t.uses_left, t.expires_at, t.cluster_id, e.name as environment, \
         t.labels, t.created_by, t.created_at \
         from join_tokens t left join environments e on e.id = t.environment_id \
         where t.org_id = $1 and ($2 is null or t.id < $2) and t.withdrawn_at is null and t.uses_left > 0 \
         and t.expires_at > $3 and ($5 is null or {cluster}) and ($6 is null or {environment}) \
         order by t.id desc limit $4"
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(before)
        .bind(now)
        .bind(limit)
        .bind(scope.place().map(|(_, clusters)| clusters))
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|row| {
            Ok(JoinTokenInfo {
                id: row.id,
                uses: row.uses,
                uses_left: row.uses_left,
                expires_at: row.expires_at,
                cluster_id: row.cluster_id,
                environment: row.environment,
                labels: Labels::from_json(&row.labels)?,
                created_by: row.created_by,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Spends one use; `None` if the token is unknown, used up, expired or withdrawn.
pub(in crate::fleet) async fn spend(tx: &mut Tx, hash: &[u8], now: UnixMs) -> Result<Option<Grant>, DbError> {
    const SQL: &str = "update join_tokens set uses_left = uses_left - 1 \
        where hash = $1 and uses_left > 0 and withdrawn_at is null and expires_at > $2 \
        returning id, org_id, cluster_id, environment_id, labels";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hash)
        .bind(now)
        .fetch_optional(conn)
        .await)?)
}

/// The host that joined with the token and this key, and was never seen: the answer to its join was lost. `None` if
/// there is none, or if the token was withdrawn.
pub(in crate::fleet) async fn find_unseen(
    tx: &mut Tx,
    hash: &[u8],
    key: &[u8],
) -> Result<Option<(JoinTokenId, OrgId, HostId)>, DbError> {
    const SQL: &str = "select t.id, t.org_id, h.id from join_tokens t \
        join join_token_uses u on u.token_id = t.id join hosts h on h.id = u.host_id and h.org_id = t.org_id \
        where t.hash = $1 and u.key = $2 and t.withdrawn_at is null and h.deleted_at is null \
        and h.last_seen_at is null";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hash)
        .bind(key)
        .fetch_optional(conn)
        .await)?)
}

/// Keeps who joined with the token.
pub(in crate::fleet) async fn insert_use(
    tx: &mut Tx,
    id: JoinTokenId,
    key: &[u8],
    host: HostId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into join_token_uses (token_id, key, host_id, at) values ($1, $2, $3, $4)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(key)
            .bind(host)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The token that has this hash, whatever its state: so that its org learns of attempts.
pub(in crate::fleet) async fn find_owner(
    db: &Db,
    hash: &[u8],
) -> Result<Option<(OrgId, JoinTokenId)>, DbError> {
    const SQL: &str = "select org_id, id from join_tokens where hash = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(hash)
        .fetch_optional(pool)
        .await)?)
}

/// Where the token's hosts are put: cluster and environment.
pub(in crate::fleet) async fn find_place(
    tx: &mut Tx,
    org: OrgId,
    id: JoinTokenId,
) -> Result<Option<(Option<ClusterId>, Option<String>)>, DbError> {
    const SQL: &str = "select t.cluster_id, e.name from join_tokens t \
        left join environments e on e.id = t.environment_id where t.org_id = $1 and t.id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

pub(in crate::fleet) async fn withdraw(
    tx: &mut Tx,
    org: OrgId,
    id: JoinTokenId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str =
        "update join_tokens set withdrawn_at = $3 where org_id = $1 and id = $2 and withdrawn_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
