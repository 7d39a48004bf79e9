//! Rows of `audit_archives`, and how rows leave `audit_log` for a file.

use muster_base::{AuditArchiveId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// A file of the archive, as the database knows it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::audit) struct Archived {
    pub(in crate::audit) id: AuditArchiveId,
    pub(in crate::audit) scope: String,
    pub(in crate::audit) first_seq: i64,
    pub(in crate::audit) last_seq: i64,
    /// Below the archive's folder.
    pub(in crate::audit) file: String,
    pub(in crate::audit) bytes: i64,
    pub(in crate::audit) sha256: Vec<u8>,
    /// Chain hash of the last row.
    pub(in crate::audit) last_hash: Vec<u8>,
    /// The file's own key, sealed.
    pub(in crate::audit) sealed_key: String,
}

/// The scope's files, oldest first.
pub(in crate::audit) async fn list(db: &Db, scope: &str) -> Result<Vec<Archived>, DbError> {
    const SQL: &str = "select id, scope, first_seq, last_seq, file, bytes, sha256, last_hash, sealed_key \
        from audit_archives where scope = $1 order by first_seq";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(scope)
        .fetch_all(pool)
        .await)?)
}

/// The scope's oldest file that holds rows with a number above `after`.
pub(in crate::audit) async fn first_after(
    db: &Db,
    scope: &str,
    after: i64,
) -> Result<Option<Archived>, DbError> {
    const SQL: &str = "select id, scope, first_seq, last_seq, file, bytes, sha256, last_hash, sealed_key \
        from audit_archives where scope = $1 and last_seq > $2 order by first_seq limit 1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(scope)
        .bind(after)
        .fetch_optional(pool)
        .await)?)
}

/// Number and hash of the scope's last row that is in a file; 0 if none is.
pub(in crate::audit) async fn end(db: &Db, scope: &str) -> Result<(i64, Vec<u8>), DbError> {
    const SQL: &str = "select last_seq, last_hash from audit_archives where scope = $1 \
        order by first_seq desc limit 1";
    let end: Option<(i64, Vec<u8>)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(scope)
        .fetch_optional(pool)
        .await)?;
    Ok(end.unwrap_or_default())
}

/// Notes the file, and takes its rows out of the table; how many those were.
pub(in crate::audit) async fn replace(tx: &mut Tx, file: &Archived, now: UnixMs) -> Result<i64, DbError> {
    const INSERT: &str = "insert into audit_archives \
        (id, scope, first_seq, last_seq, file, bytes, sha256, last_hash, sealed_key, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    const DELETE: &str = "delete from audit_log where scope = $1 and seq between $2 and $3";
    let deleted = with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(file.id)
            .bind(&file.scope)
            .bind(file.first_seq)
            .bind(file.last_seq)
            .bind(&file.file)
            .bind(file.bytes)
            .bind(&file.sha256)
            .bind(&file.last_hash)
            .bind(&file.sealed_key)
            .bind(now)
            .execute(&mut *conn)
            .await?;
        sqlx::query(DELETE)
            .bind(&file.scope)
            .bind(file.first_seq)
            .bind(file.last_seq)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}
