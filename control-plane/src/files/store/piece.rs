//! Rows of `file_pieces`.

use muster_base::{FileId, OrgId, PieceId, UnixMs, UploadId};
use sqlx::AssertSqlSafe;

use super::{signed, unsigned};
use crate::{
    db::{Db, DbError, Tx},
    files::piece::Piece,
    with_pool, with_tx,
};

/// Before its bytes are stored.
pub(in crate::files) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    upload: UploadId,
    piece: &Piece,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into file_pieces (id, org_id, file_id, upload_id, position, size, stored, created_at) \
        values ($1, $2, null, $3, $4, $5, 0, $6)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(piece.id)
            .bind(org)
            .bind(upload)
            .bind(signed(piece.position))
            .bind(signed(piece.size))
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Whether the upload has one that may have bytes, and is not known to have them.
pub(in crate::files) async fn is_unsure(tx: &mut Tx, upload: UploadId) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from file_pieces where upload_id = $1 and stored = 0";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(upload)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// When its bytes are stored; with `upload` it is one of the upload's, without one it belongs to nothing. False if it was
/// swept away meanwhile.
pub(in crate::files) async fn set_stored(
    tx: &mut Tx,
    id: PieceId,
    upload: Option<UploadId>,
) -> Result<bool, DbError> {
    const SQL: &str = "update file_pieces set stored = 1, upload_id = $2 where id = $1 and stored = 0";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(upload)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// What was an upload's is a file's; what was never stored for certain stays behind. The file's bytes.
pub(in crate::files) async fn give(tx: &mut Tx, upload: UploadId, file: FileId) -> Result<u64, DbError> {
    const GIVE: &str =
        "update file_pieces set file_id = $2, upload_id = null where upload_id = $1 and stored = 1";
    const SUM: &str = "select cast(coalesce(sum(size), 0) as bigint) from file_pieces where file_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(GIVE).bind(upload).bind(file).execute(conn).await?;
    });
    let sum: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SUM)
        .bind(file)
        .fetch_one(conn)
        .await?);
    unsigned(sum, "bytes of a file's pieces")
}

/// Those of a file that have bytes from `start` to before `end`, in their order.
pub(in crate::files) async fn of_file(
    db: &Db,
    file: FileId,
    start: u64,
    end: u64,
) -> Result<Vec<Piece>, DbError> {
    const SQL: &str = "select id, position, size from file_pieces where file_id = $1 and position < $3 \
        and position + size > $2 order by position";
    let rows: Vec<(PieceId, i64, i64)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(file)
        .bind(signed(start))
        .bind(signed(end))
        .fetch_all(pool)
        .await)?;
    let piece = |(id, position, size)| {
        Ok(Piece {
            id,
            position: unsigned(position, "file_pieces.position")?,
            size: unsigned(size, "file_pieces.size")?,
        })
    };
    rows.into_iter().map(piece).collect()
}

/// Those that were not stored by `before` never will be: they belong to nothing from now on.
pub(in crate::files) async fn claim(tx: &mut Tx, before: UnixMs, limit: i64) -> Result<u64, DbError> {
    const SQL: &str = "update file_pieces set stored = 1, upload_id = null where stored = 0 and file_id is null and id in \
        (select id from file_pieces where file_id is null and stored = 0 and created_at < $1 order by created_at limit $2)";
    Ok(with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(before)
        .bind(limit)
        .execute(conn)
        .await?
        .rows_affected()))
}

/// Those that belong to nothing.
pub(in crate::files) async fn of_none(db: &Db, limit: i64) -> Result<Vec<(OrgId, PieceId)>, DbError> {
    const SQL: &str = "select org_id, id from file_pieces where file_id is null and stored = 1 and upload_id is null \
        order by created_at limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Forgets pieces whose bytes are gone.
pub(in crate::files) async fn delete(tx: &mut Tx, ids: &[PieceId]) -> Result<(), DbError> {
    let sql = format!("delete from file_pieces where {}", tx.id_among("id", 1));
    let ids = serde_json::to_string(ids).map_err(|error| DbError::Corrupt(error.to_string()))?;
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql)).bind(ids).execute(conn).await?;
    });
    Ok(())
}

#[cfg(test)]
pub(in crate::files) async fn count_for_tests(db: &Db) -> i64 {
    let count: Result<i64, sqlx::Error> =
        with_pool!(db, |pool| sqlx::query_scalar("select count(*) from file_pieces")
            .fetch_one(pool)
            .await);
    count.unwrap()
}

#[cfg(test)]
pub(in crate::files) async fn forget_all_for_tests(db: &Db) {
    let forget = async || -> Result<(), DbError> {
        crate::in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query("delete from file_pieces where upload_id is not null")
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    forget().await.unwrap();
}
