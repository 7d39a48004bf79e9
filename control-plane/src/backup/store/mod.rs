//! Copies of whole databases, and what a restore changes in them.

pub(super) mod postgres;
pub(super) mod sqlite;

use muster_base::UnixMs;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// From here on every host's orders have numbers that no host can have seen.
pub(super) async fn raise_sequences(tx: &mut Tx, now: UnixMs) -> Result<(), DbError> {
    const RAISE: &str = "update work_sequences set last = $1 where last < $1";
    const ADD: &str = "insert into work_sequences (host_id, last) select id, $1 from hosts \
        where id not in (select host_id from work_sequences)";
    with_tx!(tx, |conn| {
        sqlx::query(RAISE).bind(now).execute(&mut *conn).await?;
        sqlx::query(ADD).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Signs everybody out.
pub(super) async fn end_sessions(tx: &mut Tx, now: UnixMs) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("update sessions set revoked_at = $1 where revoked_at is null")
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// None of those that served then serves now.
pub(super) async fn forget_planes(tx: &mut Tx) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from control_planes")
            .execute(&mut *conn)
            .await?;
        sqlx::query("delete from host_sessions").execute(conn).await?;
    });
    Ok(())
}

pub(super) async fn count_hosts(db: &Db) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from hosts where deleted_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_one(pool)
        .await)?)
}

#[cfg(test)]
pub(super) async fn add_host_for_tests(db: &Db, org: muster_base::OrgId, host: muster_base::HostId) {
    const HOST: &str = "insert into hosts (id, org_id, name, business_status, labels, facts, hostname, \
        seal_public_key, certificate_expires_at, joined_at, created_at, updated_at) \
        values ($1, $2, 'web', 0, '{}', '{}', 'web', $3, 0, 0, 0, 0)";
    let add = async || -> Result<(), DbError> {
        crate::in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query(HOST)
                .bind(host)
                .bind(org)
                .bind(vec![0_u8; 32])
                .execute(&mut *conn)
                .await?;
            sqlx::query("insert into work_sequences (host_id, last) values ($1, 7)")
                .bind(host)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    add().await.unwrap();
}

#[cfg(test)]
pub(super) async fn live_sessions_for_tests(db: &Db) -> i64 {
    const SQL: &str = "select count(*) from sessions where revoked_at is null";
    let count: Result<i64, sqlx::Error> =
        with_pool!(db, |pool| sqlx::query_scalar(SQL).fetch_one(pool).await);
    count.unwrap()
}

#[cfg(test)]
pub(super) async fn sequence_for_tests(db: &Db, host: muster_base::HostId) -> Option<i64> {
    const SQL: &str = "select last from work_sequences where host_id = $1";
    let last: Result<Option<i64>, sqlx::Error> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .fetch_optional(pool)
        .await);
    last.unwrap()
}
