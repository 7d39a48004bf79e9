//! Rows of `permission_templates`.

use muster_base::{OrgId, TemplateId, UnixMs};

use crate::{
    access::{grant, permission::Codes, template::Template},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: TemplateId,
    name: String,
    description: String,
    preset: bool,
    operations: String,
    objects: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Row> for Template {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let corrupt = |error| DbError::Corrupt(format!("permission_templates.objects: {error}"));
        Ok(Self {
            id: row.id,
            name: row.name,
            description: row.description,
            preset: row.preset,
            operations: Codes::stored(Some(&row.operations)).list(),
            objects: serde_json::from_str(&row.objects).map_err(corrupt)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const INSERT: &str = "insert into permission_templates (id, org_id, name, description, preset, operations, objects, \
    created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(in crate::access) async fn insert(tx: &mut Tx, org: OrgId, row: &Template) -> Result<(), DbError> {
    write(tx, org, row, INSERT.to_owned()).await
}

/// Does nothing if the org has one of this name.
pub(in crate::access) async fn insert_missing(
    tx: &mut Tx,
    org: OrgId,
    row: &Template,
) -> Result<(), DbError> {
    write(
        tx,
        org,
        row,
        format!("{INSERT} on conflict (org_id, name) do nothing"),
    )
    .await
}

async fn write(tx: &mut Tx, org: OrgId, row: &Template, sql: String) -> Result<(), DbError> {
    let codes = row.operations.iter().cloned().collect();
    with_tx!(tx, |conn| {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(row.id)
            .bind(org)
            .bind(&row.name)
            .bind(&row.description)
            .bind(row.preset)
            .bind(grant::codes_json(&codes))
            .bind(grant::objects_json(&row.objects))
            .bind(row.created_at)
            .bind(row.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn update(tx: &mut Tx, org: OrgId, row: &Template) -> Result<bool, DbError> {
    const SQL: &str = "update permission_templates set name = $3, description = $4, operations = $5, objects = $6, \
        updated_at = $7 where org_id = $1 and id = $2 and not preset";
    let codes = row.operations.iter().cloned().collect();
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(row.id)
        .bind(&row.name)
        .bind(&row.description)
        .bind(grant::codes_json(&codes))
        .bind(grant::objects_json(&row.objects))
        .bind(row.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn delete(tx: &mut Tx, org: OrgId, id: TemplateId) -> Result<bool, DbError> {
    const SQL: &str = "delete from permission_templates where org_id = $1 and id = $2 and not preset";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn find(
    db: &Db,
    org: OrgId,
    id: TemplateId,
) -> Result<Option<Template>, DbError> {
    const SQL: &str = "select id, name, description, preset, operations, objects, created_at, updated_at \
        from permission_templates where org_id = $1 and id = $2";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    after: &str,
    limit: i64,
) -> Result<Vec<Template>, DbError> {
    const SQL: &str = "select id, name, description, preset, operations, objects, created_at, updated_at \
        from permission_templates where org_id = $1 and name > $2 order by name limit $3";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::access) async fn orgs_without_presets(db: &Db) -> Result<Vec<OrgId>, DbError> {
    const SQL: &str = "select o.id from orgs o where not exists \
        (select 1 from permission_templates t where t.org_id = o.id and t.preset)";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_all(pool)
        .await)?)
}
