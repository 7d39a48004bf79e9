//! Rows of `host_accounts`.

use muster_base::{HostAccountId, HostId, OrgId};

use crate::{
    db::{Db, DbError, Tx},
    fleet::account::HostAccount,
    with_pool, with_tx,
};

pub(in crate::fleet) async fn count(tx: &mut Tx, host: HostId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from host_accounts where host_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::fleet) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    host: HostId,
    account: &HostAccount,
) -> Result<(), DbError> {
    const SQL: &str = "insert into host_accounts (id, org_id, host_id, username, note, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(account.id)
            .bind(org)
            .bind(host)
            .bind(&account.username)
            .bind(&account.note)
            .bind(&account.created_by)
            .bind(account.created_at)
            .bind(account.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Whether it is there.
pub(in crate::fleet) async fn update(
    tx: &mut Tx,
    host: HostId,
    account: &HostAccount,
) -> Result<bool, DbError> {
    const SQL: &str =
        "update host_accounts set username = $3, note = $4, updated_at = $5 where host_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(host)
        .bind(account.id)
        .bind(&account.username)
        .bind(&account.note)
        .bind(account.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Whether it was there.
pub(in crate::fleet) async fn delete(tx: &mut Tx, host: HostId, id: HostAccountId) -> Result<bool, DbError> {
    const SQL: &str = "delete from host_accounts where host_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(host)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Those that were there.
pub(in crate::fleet) async fn delete_of_host(
    tx: &mut Tx,
    host: HostId,
) -> Result<Vec<HostAccountId>, DbError> {
    const SQL: &str = "delete from host_accounts where host_id = $1 returning id";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .fetch_all(conn)
        .await)?)
}

pub(in crate::fleet) async fn find(
    db: &Db,
    org: OrgId,
    host: HostId,
    id: HostAccountId,
) -> Result<Option<HostAccount>, DbError> {
    const SQL: &str = "select id, username, note, created_by, created_at, updated_at from host_accounts \
        where host_id = $1 and id = $2 and org_id = $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(id)
        .bind(org)
        .fetch_optional(pool)
        .await)?)
}

/// By name.
pub(in crate::fleet) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    after: &str,
    limit: i64,
) -> Result<Vec<HostAccount>, DbError> {
    const SQL: &str = "select id, username, note, created_by, created_at, updated_at from host_accounts \
        where host_id = $1 and org_id = $2 and username > $3 order by username limit $4";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}
