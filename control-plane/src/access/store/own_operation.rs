//! Rows of `operations` and `modules`.

use std::collections::BTreeSet;

use muster_base::{ModuleId, OperationId, OrgId, PlatformId, UnixMs};

use crate::{
    access::own_operation::{OwnModule, OwnOperation},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Codes of the operations that the org's platform made.
pub(in crate::access) async fn codes_of_org(db: &Db, org: OrgId) -> Result<BTreeSet<String>, DbError> {
    const SQL: &str =
        "select p.code from operations p join orgs o on o.platform_id = p.platform_id where o.id = $1";
    let codes: Vec<String> = with_pool!(db, |pool| sqlx::query_scalar(SQL).bind(org).fetch_all(pool).await)?;
    Ok(codes.into_iter().collect())
}

#[derive(sqlx::FromRow)]
struct Row {
    module_id: ModuleId,
    module_name: String,
    id: Option<OperationId>,
    code: Option<String>,
    name: Option<String>,
}

/// A platform's modules by name, each with its operations by code.
pub(in crate::access) async fn list(db: &Db, platform: PlatformId) -> Result<Vec<OwnModule>, DbError> {
    const SQL: &str = "select m.id as module_id, m.name as module_name, o.id, o.code, o.name from modules m \
        left join operations o on o.module_id = m.id where m.platform_id = $1 order by m.name, m.id, o.code";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(platform)
        .fetch_all(pool)
        .await)?;
    let mut modules: Vec<OwnModule> = Vec::new();
    for row in rows {
        if modules.last().is_none_or(|module| module.id != row.module_id) {
            modules.push(OwnModule {
                id: row.module_id,
                name: row.module_name,
                operations: Vec::new(),
            });
        }
        if let (Some(module), Some(id), Some(code), Some(name)) =
            (modules.last_mut(), row.id, row.code, row.name)
        {
            module.operations.push(OwnOperation { id, code, name });
        }
    }
    Ok(modules)
}

pub(in crate::access) async fn insert_module(
    tx: &mut Tx,
    platform: PlatformId,
    module: &OwnModule,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into modules (id, platform_id, name, created_at) values ($1, $2, $3, $4)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(module.id)
            .bind(platform)
            .bind(&module.name)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// False if the platform has no such module.
pub(in crate::access) async fn insert(
    tx: &mut Tx,
    platform: PlatformId,
    module: ModuleId,
    operation: &OwnOperation,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into operations (id, platform_id, module_id, code, name, created_at) \
        select $1, m.platform_id, m.id, $4, $5, $6 from modules m where m.id = $3 and m.platform_id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(operation.id)
        .bind(platform)
        .bind(module)
        .bind(&operation.code)
        .bind(&operation.name)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn find_code(
    tx: &mut Tx,
    platform: PlatformId,
    id: OperationId,
) -> Result<Option<String>, DbError> {
    const SQL: &str = "select code from operations where platform_id = $1 and id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(platform)
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

/// Whether a role, template or member of the platform has the operation. The code holds no character that `like` or
/// JSON would read otherwise but `_`, which at worst finds one too many.
pub(in crate::access) async fn is_given(
    tx: &mut Tx,
    platform: PlatformId,
    code: &str,
) -> Result<bool, DbError> {
    const SQL: &str = "select (select count(*) from roles where platform_id = $1 and operations like $2) \
        + (select count(*) from permission_templates t join orgs o on o.id = t.org_id \
            where o.platform_id = $1 and t.operations like $2) \
        + (select count(*) from members m join orgs o on o.id = m.org_id \
            where o.platform_id = $1 and m.operations like $2)";
    let pattern = format!("%\"{code}\"%");
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(platform)
        .bind(&pattern)
        .fetch_one(conn)
        .await)?;
    Ok(count > 0)
}

pub(in crate::access) async fn delete(
    tx: &mut Tx,
    platform: PlatformId,
    id: OperationId,
) -> Result<(), DbError> {
    const SQL: &str = "delete from operations where platform_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(platform).bind(id).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::access) async fn update(
    tx: &mut Tx,
    platform: PlatformId,
    module: ModuleId,
    operation: &OwnOperation,
) -> Result<bool, DbError> {
    const SQL: &str = "update operations set name = $3, module_id = $4 where platform_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(platform)
        .bind(operation.id)
        .bind(&operation.name)
        .bind(module)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn rename_module(
    tx: &mut Tx,
    platform: PlatformId,
    id: ModuleId,
    name: &str,
) -> Result<bool, DbError> {
    const SQL: &str = "update modules set name = $3 where platform_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(platform)
        .bind(id)
        .bind(name)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn delete_module(
    tx: &mut Tx,
    platform: PlatformId,
    id: ModuleId,
) -> Result<bool, DbError> {
    const SQL: &str = "delete from modules where platform_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(platform)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
