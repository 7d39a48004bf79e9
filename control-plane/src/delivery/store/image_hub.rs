//! `hub_images` and `image_words`.

use muster_base::{HubImageId, OrgId, RegistryId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    db::{Db, DbError, Tx},
    delivery::{
        image_hub::{HubImage, HubImageStatus},
        image_word::{ImageWord, WordKind},
    },
    with_pool, with_tx,
};

const COLUMNS: &str = "id, name, image, registry_id, url, source, kind, description, how_to_use, versions, status, \
    created_by, created_at, updated_at";

/// Which images.
pub struct Filter {
    /// As of `like`.
    pub pattern: Option<String>,
    pub kind: Option<String>,
    pub source: Option<String>,
    /// Names after this one.
    pub after: String,
}

#[derive(sqlx::FromRow)]
struct Record {
    id: HubImageId,
    name: String,
    image: String,
    registry_id: Option<RegistryId>,
    url: Option<String>,
    source: String,
    kind: String,
    description: String,
    how_to_use: String,
    versions: String,
    status: String,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for HubImage {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        Ok(Self {
            id: record.id,
            name: record.name,
            image: record.image,
            registry_id: record.registry_id,
            url: record.url,
            source: record.source,
            kind: record.kind,
            description: record.description,
            usage: record.how_to_use,
            versions: from_json(&record.versions, "hub_images.versions")?,
            status: HubImageStatus::read(&record.status)?,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

pub async fn list(db: &Db, org: OrgId, filter: &Filter, limit: i64) -> Result<Vec<HubImage>, DbError> {
    let sql = format!(
        "select {COLUMNS} from hub_images where org_id = $1 and name > $2 and ($3 is null or kind = $3) \
         and ($4 is null or source = $4) and ($5 is null or lower(name) like $5 escape '\\' \
         or lower(image) like $5 escape '\\' or lower(description) like $5 escape '\\') order by name limit $6"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(&filter.after)
        .bind(&filter.kind)
        .bind(&filter.source)
        .bind(&filter.pattern)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn find(db: &Db, org: OrgId, id: HubImageId) -> Result<Option<HubImage>, DbError> {
    let sql = format!("select {COLUMNS} from hub_images where org_id = $1 and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub async fn insert(tx: &mut Tx, org: OrgId, image: &HubImage) -> Result<(), DbError> {
    const SQL: &str = "insert into hub_images (id, org_id, name, image, registry_id, url, source, kind, description, \
        how_to_use, versions, status, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let versions = to_json(&image.versions, "hub_images.versions")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(image.id)
            .bind(org)
            .bind(&image.name)
            .bind(&image.image)
            .bind(image.registry_id)
            .bind(&image.url)
            .bind(&image.source)
            .bind(&image.kind)
            .bind(&image.description)
            .bind(&image.usage)
            .bind(versions)
            .bind(image.status.as_str())
            .bind(&image.created_by)
            .bind(image.created_at)
            .bind(image.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn update(tx: &mut Tx, org: OrgId, image: &HubImage) -> Result<bool, DbError> {
    const SQL: &str = "update hub_images set name = $3, image = $4, registry_id = $5, url = $6, source = $7, \
        kind = $8, description = $9, how_to_use = $10, versions = $11, status = $12, updated_at = $13 \
        where org_id = $1 and id = $2";
    let versions = to_json(&image.versions, "hub_images.versions")?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(image.id)
        .bind(&image.name)
        .bind(&image.image)
        .bind(image.registry_id)
        .bind(&image.url)
        .bind(&image.source)
        .bind(&image.kind)
        .bind(&image.description)
        .bind(&image.usage)
        .bind(versions)
        .bind(image.status.as_str())
        .bind(image.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: HubImageId) -> Result<bool, DbError> {
    const SQL: &str = "delete from hub_images where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Own words of the org: code and name, by code.
pub async fn list_words(db: &Db, org: OrgId, kind: WordKind) -> Result<Vec<(String, String)>, DbError> {
    const SQL: &str = "select code, name from image_words where org_id = $1 and kind = $2 order by code";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(kind.as_str())
        .fetch_all(pool)
        .await)?)
}

/// False if there is such a word.
pub async fn insert_word(tx: &mut Tx, org: OrgId, word: &ImageWord) -> Result<bool, DbError> {
    const SQL: &str = "insert into image_words (org_id, kind, code, name) values ($1, $2, $3, $4) \
        on conflict (org_id, kind, code) do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(word.kind.as_str())
        .bind(&word.code)
        .bind(&word.name)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn delete_word(tx: &mut Tx, org: OrgId, kind: WordKind, code: &str) -> Result<bool, DbError> {
    const SQL: &str = "delete from image_words where org_id = $1 and kind = $2 and code = $3";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(kind.as_str())
        .bind(code)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Whether an image has the word.
pub async fn word_used(tx: &mut Tx, org: OrgId, kind: WordKind, code: &str) -> Result<bool, DbError> {
    let column = match kind {
        WordKind::Type => "kind",
        WordKind::Source => "source",
    };
    let sql = format!("select count(*) from hub_images where org_id = $1 and {column} = $2");
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(org)
        .bind(code)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}
