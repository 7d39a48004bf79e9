//! What a member may do, in one row.

use muster_base::{OrgId, PlatformId, RoleId, TemplateId, UnixMs, UserId};
use sqlx::AssertSqlSafe;

use crate::{
    access::grant::Granted,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

const SELECT: &str = "select m.org_id, m.role, m.role_id, r.name as role_name, r.operations as role_operations, \
    p.name as platform_role_name, p.operations as platform_role_operations, m.template_id, \
    t.name as template_name, t.operations as template_operations, t.objects as template_objects, \
    m.operations, m.objects from members m join orgs o on o.id = m.org_id join users u on u.id = m.user_id \
    left join roles r on r.id = m.role_id left join roles p on p.id = u.role_id \
    left join permission_templates t on t.id = m.template_id where m.status > 0";

/// What a user may do in an org (by id, slug or legacy id, or their first).
pub(in crate::access) async fn find(
    db: &Db,
    user: UserId,
    wanted: Option<&str>,
) -> Result<Option<Granted>, DbError> {
    let id: Option<OrgId> = wanted.and_then(|text| text.parse().ok());
    let slug = if id.is_some() { None } else { wanted };
    let sql = format!(
        "{SELECT} and m.user_id = $1 and (($2 is null and $3 is null) or o.id = $2 or o.slug = $3 \
         or o.legacy_id = $3) order by case when o.slug = $3 then 0 else 1 end, m.created_at, m.org_id limit 1"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(user)
        .bind(id)
        .bind(slug)
        .fetch_optional(pool)
        .await)?)
}

/// What each member of the org may do.
pub(in crate::access) async fn list(db: &Db, org: OrgId) -> Result<Vec<(UserId, Granted)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        user_id: UserId,
        #[sqlx(flatten)]
        granted: Granted,
    }
    let sql = format!(
        "{} and m.org_id = $1 and u.status = 'active' order by m.user_id",
        SELECT.replacen("select ", "select m.user_id, ", 1)
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.granted)).collect())
}

/// As [`list`], with their user names.
pub(in crate::access) async fn list_named(
    db: &Db,
    org: OrgId,
) -> Result<Vec<(UserId, String, Granted)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        user_id: UserId,
        username: String,
        #[sqlx(flatten)]
        granted: Granted,
    }
    let sql = format!(
        "{} and m.org_id = $1 and u.status = 'active' order by m.user_id",
        SELECT.replacen("select ", "select m.user_id, u.username, ", 1)
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .fetch_all(pool)
        .await)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.user_id, row.username, row.granted))
        .collect())
}

/// As [`list_named`], of one of them.
pub(in crate::access) async fn find_named(
    db: &Db,
    org: OrgId,
    user: UserId,
) -> Result<Option<(String, Granted)>, DbError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        username: String,
        #[sqlx(flatten)]
        granted: Granted,
    }
    let sql = format!(
        "{} and m.org_id = $1 and m.user_id = $2 and u.status = 'active'",
        SELECT.replacen("select ", "select u.username, ", 1)
    );
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(user)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(|row| (row.username, row.granted)))
}

/// What a member of the org may do; nobody else changes it until the transaction ends.
pub(in crate::access) async fn lock(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    user: UserId,
) -> Result<Option<Granted>, DbError> {
    let lock = match db {
        Db::Sqlite(_) => "",
        Db::Postgres(_) => " for update of m",
    };
    let sql = format!("{SELECT} and m.org_id = $1 and m.user_id = $2{lock}");
    Ok(with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(user)
        .fetch_optional(conn)
        .await)?)
}

/// What a user may do in each org of a platform.
pub(in crate::access) async fn list_of_user(
    tx: &mut Tx,
    platform: PlatformId,
    user: UserId,
) -> Result<Vec<Granted>, DbError> {
    let sql = format!("{SELECT} and o.platform_id = $1 and m.user_id = $2 and o.deleted_at is null");
    Ok(with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(platform)
        .bind(user)
        .fetch_all(conn)
        .await)?)
}

/// Writes all that a member has beside the built-in role.
pub(in crate::access) async fn update(
    tx: &mut Tx,
    (org, user): (OrgId, UserId),
    (role, template): (Option<RoleId>, Option<TemplateId>),
    (operations, objects): (&str, &str),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update members set role_id = $3, template_id = $4, operations = $5, objects = $6, \
        updated_at = $7 where org_id = $1 and user_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(role)
            .bind(template)
            .bind(operations)
            .bind(objects)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
