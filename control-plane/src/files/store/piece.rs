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

/// When its bytes are stored; with `upload` it is one of the upload's, without one it belongs to nothing.
pub(in crate::files) async fn set_stored(
    tx: &mut Tx,
    id: PieceId,
    upload: Option<UploadId>,
) -> Result<(), DbError> {
    const SQL: &str = "update file_pieces set stored = 1, upload_id = $2 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(upload).execute(conn).await?;
    });
    Ok(())
}

/// What was an upload's is a file's; what was never stored for certain stays behind.
pub(in crate::files) async fn give(tx: &mut Tx, upload: UploadId, file: FileId) -> Result<(), DbError> {
    const SQL: &str =
        "update file_pieces set file_id = $2, upload_id = null where upload_id = $1 and stored = 1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(upload).bind(file).execute(conn).await?;
    });
    Ok(())
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

/// Those that belong to nothing: stored, or not even that by `before`.
pub(in crate::files) async fn of_none(
    db: &Db,
    before: UnixMs,
    limit: i64,
) -> Result<Vec<(OrgId, PieceId)>, DbError> {
    const SQL: &str = "select org_id, id from file_pieces where file_id is null \
        and ((stored = 1 and upload_id is null) or (stored = 0 and created_at < $1)) \
        order by stored, created_at limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(before)
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
