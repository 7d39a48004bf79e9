//! Rows of `file_uploads`.

use muster_base::{FileId, OrgId, UnixMs, UploadId, UserId};
use uuid::Uuid;

use super::{signed, unsigned};
use crate::{
    db::{Db, DbError, Tx},
    files::{
        file::OwnerType,
        upload::{Upload, Whose},
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: UploadId,
    parent_id: Option<FileId>,
    name: String,
    mime: String,
    size: i64,
    hash: String,
    uploaded_by: Option<UserId>,
    owner_type: i64,
    owner_id: Uuid,
    position: i64,
    hashed: Vec<u8>,
    created_at: UnixMs,
    expires_at: UnixMs,
}

impl TryFrom<Row> for Upload {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let corrupt = |_| DbError::Corrupt(format!("file_uploads.owner_type of {}", row.id));
        Ok(Self {
            id: row.id,
            parent_id: row.parent_id,
            size: unsigned(row.size, "file_uploads.size")?,
            owner_type: OwnerType::try_from(row.owner_type).map_err(corrupt)?,
            owner_id: row.owner_id,
            position: unsigned(row.position, "file_uploads.position")?,
            name: row.name,
            mime: row.mime,
            hash: row.hash,
            uploaded_by: row.uploaded_by,
            hashed: row.hashed,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

pub(in crate::files) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    person: &str,
    upload: &Upload,
) -> Result<(), DbError> {
    const SQL: &str = "insert into file_uploads (id, org_id, parent_id, name, mime, size, hash, uploaded_by, owner_type, \
        owner_id, person, position, hashed, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(upload.id)
            .bind(org)
            .bind(upload.parent_id)
            .bind(&upload.name)
            .bind(&upload.mime)
            .bind(signed(upload.size))
            .bind(&upload.hash)
            .bind(upload.uploaded_by)
            .bind(i64::from(upload.owner_type))
            .bind(upload.owner_id)
            .bind(person)
            .bind(signed(upload.position))
            .bind(&upload.hashed)
            .bind(upload.created_at)
            .bind(upload.expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

const FIND: &str = "select id, parent_id, name, mime, size, hash, uploaded_by, owner_type, owner_id, position, hashed, \
    created_at, expires_at from file_uploads where org_id = $1 and person = $2 and id = $3 and expires_at > $4 \
    and (owner_type = 2 or owner_id = $5)";

pub(in crate::files) async fn find(
    db: &Db,
    whose: &Whose,
    id: UploadId,
    now: UnixMs,
) -> Result<Option<Upload>, DbError> {
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(FIND)
        .bind(whose.org)
        .bind(&whose.person)
        .bind(id)
        .bind(now)
        .bind(whose.user)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same in a transaction.
pub(in crate::files) async fn find_in(
    tx: &mut Tx,
    whose: &Whose,
    id: UploadId,
    now: UnixMs,
) -> Result<Option<Upload>, DbError> {
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(FIND)
        .bind(whose.org)
        .bind(&whose.person)
        .bind(id)
        .bind(now)
        .bind(whose.user)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// Those of a person, the newest first.
pub(in crate::files) async fn list(
    db: &Db,
    whose: &Whose,
    now: UnixMs,
    after: Option<UploadId>,
    limit: i64,
) -> Result<Vec<Upload>, DbError> {
    const SQL: &str = "select id, parent_id, name, mime, size, hash, uploaded_by, owner_type, owner_id, position, hashed, \
        created_at, expires_at from file_uploads where org_id = $1 and person = $2 and expires_at > $3 \
        and ($4 is null or id < $4) and (owner_type = 2 or owner_id = $6) order by id desc limit $5";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(whose.org)
        .bind(&whose.person)
        .bind(now)
        .bind(after)
        .bind(limit)
        .bind(whose.user)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::files) async fn count(tx: &mut Tx, org: OrgId, person: &str) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from file_uploads where org_id = $1 and person = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(person)
        .fetch_one(conn)
        .await?))
}

/// Moves an upload on, if it is still where it was.
pub(in crate::files) async fn advance(tx: &mut Tx, upload: &Upload, from: u64) -> Result<bool, DbError> {
    const SQL: &str = "update file_uploads set position = $3, hashed = $4, expires_at = $5 \
        where id = $1 and position = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(upload.id)
        .bind(signed(from))
        .bind(signed(upload.position))
        .bind(&upload.hashed)
        .bind(upload.expires_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Forgets an upload; its pieces belong to nothing then, unless a file has them.
pub(in crate::files) async fn delete(tx: &mut Tx, org: OrgId, id: UploadId) -> Result<bool, DbError> {
    const SQL: &str = "delete from file_uploads where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Forgets those that nobody went on with.
pub(in crate::files) async fn delete_expired(tx: &mut Tx, now: UnixMs) -> Result<u64, DbError> {
    const SQL: &str = "delete from file_uploads where expires_at <= $1";
    Ok(with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected()))
}
