//! Rows of `roles`.

use muster_base::{OrgId, PlatformId, RoleId, UnixMs, UserId};
use uuid::Uuid;

use crate::{
    access::{
        grant,
        own_role::{OwnRole, RoleOwner},
        permission::Codes,
    },
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: RoleId,
    org_id: Option<OrgId>,
    code: String,
    name: String,
    icon: String,
    operations: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl From<Row> for OwnRole {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            platform: row.org_id.is_none(),
            code: row.code,
            name: row.name,
            icon: row.icon,
            operations: Codes::stored(Some(&row.operations)).list(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(in crate::access) async fn insert(tx: &mut Tx, owner: RoleOwner, role: &OwnRole) -> Result<(), DbError> {
    const SQL: &str = "insert into roles (id, platform_id, org_id, owner_id, code, name, icon, operations, \
        created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let codes = role.operations.iter().cloned().collect();
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(role.id)
            .bind(owner.platform)
            .bind(owner.org)
            .bind(owner.id())
            .bind(&role.code)
            .bind(&role.name)
            .bind(&role.icon)
            .bind(grant::codes_json(&codes))
            .bind(role.created_at)
            .bind(role.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// `owner`: the org, or the platform.
pub(in crate::access) async fn update(tx: &mut Tx, owner: Uuid, role: &OwnRole) -> Result<bool, DbError> {
    const SQL: &str = "update roles set name = $3, icon = $4, operations = $5, updated_at = $6 \
        where owner_id = $1 and id = $2";
    let codes = role.operations.iter().cloned().collect();
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(owner)
        .bind(role.id)
        .bind(&role.name)
        .bind(&role.icon)
        .bind(grant::codes_json(&codes))
        .bind(role.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn delete(tx: &mut Tx, owner: Uuid, id: RoleId) -> Result<bool, DbError> {
    const SQL: &str = "delete from roles where owner_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(owner)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// One of the org's roles, or of its platform's.
pub(in crate::access) async fn find(db: &Db, org: OrgId, id: RoleId) -> Result<Option<OwnRole>, DbError> {
    const SQL: &str = "select r.id, r.org_id, r.code, r.name, r.icon, r.operations, r.created_at, r.updated_at \
        from roles r join orgs o on o.platform_id = r.platform_id \
        where o.id = $1 and r.id = $2 and (r.org_id is null or r.org_id = o.id)";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(Into::into))
}

/// Name and operations (as stored) of the role that a user has in their platform.
pub(in crate::access) async fn find_of_user(
    db: &Db,
    user: UserId,
) -> Result<Option<(String, String)>, DbError> {
    const SQL: &str =
        "select r.name, r.operations from users u join roles r on r.id = u.role_id where u.id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(user)
        .fetch_optional(pool)
        .await)?)
}

/// The org's roles and its platform's, by code.
pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    after: Option<(String, RoleId)>,
    limit: i64,
) -> Result<Vec<OwnRole>, DbError> {
    const SQL: &str = "select r.id, r.org_id, r.code, r.name, r.icon, r.operations, r.created_at, r.updated_at \
        from roles r join orgs o on o.platform_id = r.platform_id \
        where o.id = $1 and (r.org_id is null or r.org_id = o.id) and (r.code, r.id) > ($2, $3) \
        order by r.code, r.id limit $4";
    let (code, id) = after.unwrap_or((String::new(), RoleId::from_uuid(Uuid::nil())));
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(&code)
        .bind(id)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A platform's roles, by code.
pub(in crate::access) async fn list_of_platform(
    db: &Db,
    platform: PlatformId,
) -> Result<Vec<OwnRole>, DbError> {
    const SQL: &str = "select id, org_id, code, name, icon, operations, created_at, updated_at \
        from roles where platform_id = $1 and org_id is null order by code";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(platform)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// What one of a platform's roles gives; nobody else changes it until the transaction ends.
pub(in crate::access) async fn lock_of_platform(
    tx: &mut Tx,
    db: &Db,
    (platform, id): (PlatformId, RoleId),
) -> Result<Option<Codes>, DbError> {
    let sql = format!(
        "select operations from roles where platform_id = $1 and id = $2 and org_id is null{}",
        db.for_update()
    );
    let codes: Option<String> = with_tx!(tx, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(platform)
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    Ok(codes.map(|codes| Codes::stored(Some(&codes))))
}

/// The orgs in which members have it.
pub(in crate::access) async fn orgs_of(tx: &mut Tx, id: RoleId) -> Result<Vec<OrgId>, DbError> {
    const SQL: &str = "select distinct org_id from members where role_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_all(conn)
        .await)?)
}
