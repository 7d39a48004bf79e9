//! What the doctor asks databases.

use muster_base::UnixMs;

use crate::{
    db::{Db, DbError},
    with_pool,
};

/// The database server's clock; none where it is this machine's.
pub(super) async fn now(db: &Db) -> Result<Option<UnixMs>, DbError> {
    const SQL: &str = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    match db {
        Db::Sqlite(_) => Ok(None),
        Db::Postgres(pool) => Ok(Some(sqlx::query_scalar(SQL).fetch_one(pool).await?)),
    }
}

/// The latest moment that something says it was done at.
pub(super) async fn newest(db: &Db) -> Result<Option<UnixMs>, DbError> {
    const SQL: &str = "select max(at) from audit_log";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_one(pool)
        .await)?)
}

/// What SQLite finds wrong with a file; `ok` if nothing.
pub(super) async fn integrity(db: &Db) -> Result<Vec<String>, DbError> {
    match db {
        Db::Sqlite(pools) => Ok(sqlx::query_scalar("pragma integrity_check(10)")
            .fetch_all(&pools.read)
            .await?),
        Db::Postgres(_) => Ok(vec!["ok".to_owned()]),
    }
}

/// `server_version_num`.
pub(super) async fn postgres_version(db: &Db) -> Result<i64, DbError> {
    const SQL: &str = "select current_setting('server_version_num')::bigint";
    match db {
        Db::Sqlite(_) => Ok(i64::MAX),
        Db::Postgres(pool) => Ok(sqlx::query_scalar(SQL).fetch_one(pool).await?),
    }
}

#[cfg(test)]
async fn change_for_tests(db: &Db, sql: &'static str) {
    use crate::{in_tx, with_tx};
    let change = async || -> Result<(), DbError> {
        in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query(sql).execute(conn).await?;
        }));
        Ok(())
    };
    change().await.unwrap();
}

/// As if the newest step had never been applied.
#[cfg(test)]
pub(super) async fn forget_newest_step_for_tests(db: &Db) {
    const SQL: &str =
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    change_for_tests(db, SQL).await;
}

/// As somebody would who can write to the database.
#[cfg(test)]
pub(super) async fn change_audit_row_for_tests(db: &Db) {
    change_for_tests(
        db,
        "update audit_log set actor_name = 'nobody' where scope = 'platform' and seq = 1",
    )
    .await;
}

/// As somebody would who wants other SQL executed than was approved.
#[cfg(test)]
pub(super) async fn change_release_for_tests(db: &Db) {
    change_for_tests(db, "update ticket_servers set sql = 'drop table t;'").await;
}

/// As if they had been made before releases were signed.
#[cfg(test)]
pub(super) async fn take_signatures_off_for_tests(db: &Db) {
    change_for_tests(db, "update releases set signed_by = null, signature = null").await;
}
