//! Rows of `files`.

use muster_base::{FileId, OrgId, UnixMs, UserId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{signed, unsigned};
use crate::{
    db::{Db, DbError, Tx},
    files::{
        file::{FileItem, FileKind, OwnerType, Sight, path_text},
        list::{Filter, FolderStep},
    },
    with_pool, with_tx,
};

/// Of an id and the slash after it.
const STEP: usize = 37;

#[derive(sqlx::FromRow)]
struct Row {
    id: FileId,
    parent_id: Option<FileId>,
    path: String,
    kind: i64,
    name: String,
    size: i64,
    mime: String,
    hash: Option<String>,
    uploaded_by: Option<UserId>,
    uploaded_by_name: Option<String>,
    owner_type: i64,
    owner_id: Uuid,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Row> for FileItem {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("files.{what} of {}", row.id));
        let steps = row.path.split('/').filter(|step| !step.is_empty());
        let path = steps.map(Uuid::try_parse).collect::<Result<_, _>>();
        Ok(Self {
            id: row.id,
            kind: FileKind::try_from(row.kind).map_err(|_| corrupt("type"))?,
            parent_id: row.parent_id,
            size: unsigned(row.size, "files.size")?,
            mime: row.mime,
            hash: row.hash,
            uploaded_by: row.uploaded_by,
            uploaded_by_name: row.uploaded_by_name,
            owner_type: OwnerType::try_from(row.owner_type).map_err(|_| corrupt("owner_type"))?,
            owner_id: row.owner_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            path: path.map_err(|_| corrupt("path"))?,
            name: row.name,
        })
    }
}

/// What the org has and the person may see.
const SELECT: &str = "select f.id, f.parent_id, f.path, f.type as kind, f.name, f.size, f.mime, f.hash, f.uploaded_by, \
    u.username as uploaded_by_name, f.owner_type, f.owner_id, f.created_at, f.updated_at \
    from files f left join users u on u.id = f.uploaded_by \
    where f.org_id = $1 and (f.owner_type = 2 or f.owner_id = $2)";

/// The condition that one of the keys in parameter `$n` is in the path.
pub(super) fn reached(is_sqlite: bool, path: &str, n: usize) -> String {
    if is_sqlite {
        format!(
            "exists (select 1 from json_each(${n}) as key where instr({path}, '/' || key.value || '/') > 0)"
        )
    } else {
        format!(
            "exists (select 1 from jsonb_array_elements_text(${n}::jsonb) as key (value) \
             where strpos({path}, '/' || key.value || '/') > 0)"
        )
    }
}

fn find_sql(is_sqlite: bool) -> String {
    format!(
        "{SELECT} and f.id = $3 and ($4 is null or {})",
        reached(is_sqlite, "f.path", 4)
    )
}

pub(in crate::files) async fn find(db: &Db, sight: &Sight, id: FileId) -> Result<Option<FileItem>, DbError> {
    let sql = find_sql(matches!(db, Db::Sqlite(_)));
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(sight.org)
        .bind(sight.person)
        .bind(id)
        .bind(&sight.keys)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// Those of these that there are.
pub(in crate::files) async fn find_all(
    db: &Db,
    sight: &Sight,
    ids: &[FileId],
) -> Result<Vec<FileItem>, DbError> {
    let sql = format!(
        "{SELECT} and {} and ($4 is null or {})",
        db.id_among("f.id", 3),
        reached(matches!(db, Db::Sqlite(_)), "f.path", 4)
    );
    let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(sight.org)
        .bind(sight.person)
        .bind(ids)
        .bind(&sight.keys)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One in a transaction.
pub(in crate::files) async fn find_in(
    tx: &mut Tx,
    sight: &Sight,
    id: FileId,
) -> Result<Option<FileItem>, DbError> {
    let sql = find_sql(matches!(tx, Tx::Sqlite(_)));
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(sight.org)
        .bind(sight.person)
        .bind(id)
        .bind(&sight.keys)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// Folders first, then by name.
pub(in crate::files) async fn list(
    db: &Db,
    sight: &Sight,
    filter: Filter,
    after: Option<(i64, String, FileId)>,
    limit: i64,
) -> Result<Vec<FileItem>, DbError> {
    let is_sqlite = matches!(db, Db::Sqlite(_));
    // Each condition stands only where it is meant, so that an index is found for it.
    let place = if filter.place.is_some() {
        "f.place = $7"
    } else {
        "$7 is null"
    };
    let below = if filter.below.is_some() {
        "f.path > $8 and f.path < $9"
    } else {
        "$8 is null and $9 is null"
    };
    let entrances = if filter.entrances {
        let above = format!("substr(f.path, 1, length(f.path) - {STEP})");
        format!("not {}", reached(is_sqlite, &above, 3))
    } else {
        "1 = 1".to_owned()
    };
    let later = if after.is_some() {
        "(1 - f.type, f.name, f.id) > ($4, $5, $6)"
    } else {
        "$4 is null and $5 is null and $6 is null"
    };
    let sql = format!(
        "{SELECT} and ($3 is null or {}) and {later} \
         and {place} and {below} and {entrances} and ($10 is null or f.owner_type = $10) \
         and ($11 is null or f.search like $11 escape '\\') order by 1 - f.type, f.name, f.id limit $12",
        reached(is_sqlite, "f.path", 3)
    );
    let (rank, name, id) = match after {
        Some((rank, name, id)) => (Some(rank), Some(name), Some(id)),
        None => (None, None, None),
    };
    let (from, to) = filter.below.as_deref().map(bounds).unzip();
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(sight.org)
        .bind(sight.person)
        .bind(&sight.keys)
        .bind(rank)
        .bind(name)
        .bind(id)
        .bind(filter.place)
        .bind(from)
        .bind(to)
        .bind(filter.owner.map(i64::from))
        .bind(filter.search.as_deref().map(like))
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The folders with these ids that are in sight, in their order.
pub(in crate::files) async fn steps(
    db: &Db,
    sight: &Sight,
    ids: &[Uuid],
) -> Result<Vec<FolderStep>, DbError> {
    let is_sqlite = matches!(db, Db::Sqlite(_));
    let sql = format!(
        "select f.id, f.name from files f where f.org_id = $1 and (f.owner_type = 2 or f.owner_id = $2) \
         and ($3 is null or {}) and {} order by length(f.path)",
        reached(is_sqlite, "f.path", 3),
        db.id_among("f.id", 4)
    );
    let ids = serde_json::to_string(ids).map_err(|error| DbError::Corrupt(error.to_string()))?;
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(sight.org)
        .bind(sight.person)
        .bind(&sight.keys)
        .bind(ids)
        .fetch_all(pool)
        .await)?)
}

/// One change of an org's tree at a time.
pub(in crate::files) async fn lock(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    match tx {
        // The single writer.
        Tx::Sqlite(_) => {}
        Tx::Postgres(tx) => {
            sqlx::query("select pg_advisory_xact_lock(hashtextextended('files ' || $1::text, 0))")
                .bind(org)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

pub(in crate::files) async fn is_taken(
    tx: &mut Tx,
    org: OrgId,
    place: Uuid,
    name: &str,
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from files where org_id = $1 and place = $2 and name = $3";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(place)
        .bind(name)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

pub(in crate::files) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    place: Uuid,
    item: &FileItem,
) -> Result<(), DbError> {
    const SQL: &str = "insert into files (id, org_id, parent_id, place, path, type, name, search, size, mime, hash, \
        uploaded_by, owner_type, owner_id, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(item.id)
            .bind(org)
            .bind(item.parent_id)
            .bind(place)
            .bind(path_text(&item.path))
            .bind(i64::from(item.kind))
            .bind(&item.name)
            .bind(item.name.to_lowercase())
            .bind(signed(item.size))
            .bind(&item.mime)
            .bind(&item.hash)
            .bind(item.uploaded_by)
            .bind(i64::from(item.owner_type))
            .bind(item.owner_id)
            .bind(item.created_at)
            .bind(item.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Its name and place.
pub(in crate::files) async fn update(
    tx: &mut Tx,
    org: OrgId,
    place: Uuid,
    item: &FileItem,
) -> Result<(), DbError> {
    const SQL: &str = "update files set parent_id = $3, place = $4, name = $5, search = $6, updated_at = $7 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(item.id)
            .bind(item.parent_id)
            .bind(place)
            .bind(&item.name)
            .bind(item.name.to_lowercase())
            .bind(item.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Takes a folder with all that is in it from one path to another.
pub(in crate::files) async fn carry(
    tx: &mut Tx,
    org: OrgId,
    from: &[Uuid],
    to: &[Uuid],
) -> Result<(), DbError> {
    const SQL: &str =
        "update files set path = $4 || substr(path, $5) where org_id = $1 and path >= $2 and path < $3";
    let (first, end) = bounds(from);
    let rest = i32::try_from(first.len() + 1).unwrap_or(i32::MAX);
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(first)
            .bind(end)
            .bind(path_text(to))
            .bind(rest)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How many levels there are at and below this.
pub(in crate::files) async fn levels(tx: &mut Tx, org: OrgId, path: &[Uuid]) -> Result<usize, DbError> {
    const SQL: &str = "select cast(coalesce(max(length(path)), 0) as bigint) from files \
        where org_id = $1 and path >= $2 and path < $3";
    let longest: i64 = below(tx, SQL, org, path).await?;
    let longest = usize::try_from(longest).unwrap_or_default();
    Ok((longest.saturating_sub(1) / STEP).saturating_sub(path.len().saturating_sub(1)))
}

/// How many files and folders there are at and below this.
pub(in crate::files) async fn count_below(tx: &mut Tx, org: OrgId, path: &[Uuid]) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from files where org_id = $1 and path >= $2 and path < $3";
    below(tx, SQL, org, path).await
}

async fn below(tx: &mut Tx, sql: &'static str, org: OrgId, path: &[Uuid]) -> Result<i64, DbError> {
    let (first, end) = bounds(path);
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(sql)
        .bind(org)
        .bind(first)
        .bind(end)
        .fetch_one(conn)
        .await?))
}

/// This with all that is below it. The pieces of files belong to nothing then.
pub(in crate::files) async fn delete(tx: &mut Tx, org: OrgId, path: &[Uuid]) -> Result<(), DbError> {
    const SQL: &str = "delete from files where org_id = $1 and path >= $2 and path < $3";
    let (first, end) = bounds(path);
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(first)
            .bind(end)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Paths at and below this one are from the first on and before the second: `0` follows `/`.
fn bounds(path: &[Uuid]) -> (String, String) {
    let first = path_text(path);
    let mut end = first.clone();
    end.pop();
    end.push('0');
    (first, end)
}

fn like(text: &str) -> String {
    let text = text.to_lowercase().replace('\\', "\\\\");
    format!("%{}%", text.replace('%', "\\%").replace('_', "\\_"))
}
