//! Rows of `members`.

use muster_base::{OrgId, UnixMs, UserId};

use crate::{
    access::{Role, member::Member},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(super) fn parse_role(text: &str) -> Result<Role, DbError> {
    text.parse()
        .map_err(|_| DbError::Corrupt(format!("role {text:?}")))
}

/// The org (by id or slug, or their first) that a user may enter, and their role there.
pub(in crate::access) async fn find_entry(
    db: &Db,
    user: UserId,
    wanted: Option<&str>,
) -> Result<Option<(OrgId, String)>, DbError> {
    const SQL: &str = "select m.org_id, m.role from members m join orgs o on o.id = m.org_id \
        where m.user_id = $1 and (($2 is null and $3 is null) or o.id = $2 or o.slug = $3) \
        order by m.created_at, m.org_id limit 1";
    let id: Option<OrgId> = wanted.and_then(|text| text.parse().ok());
    let slug = if id.is_some() { None } else { wanted };
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(user)
        .bind(id)
        .bind(slug)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    role: Role,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "insert into members (org_id, user_id, role, created_at, updated_at) values ($1, $2, $3, $4, $4)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(role.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The member's role; nobody else changes it until the transaction ends.
pub(in crate::access) async fn lock_role(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    user: UserId,
) -> Result<Option<Role>, DbError> {
    let sql = format!(
        "select role from members where org_id = $1 and user_id = $2{}",
        db.for_update()
    );
    let role: Option<String> = with_tx!(tx, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(user)
        .fetch_optional(conn)
        .await)?;
    role.map(|role| parse_role(&role)).transpose()
}

pub(in crate::access) async fn update(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    role: Role,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update members set role = $3, updated_at = $4 where org_id = $1 and user_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(role.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Makes the org's owner an administrator.
pub(in crate::access) async fn lower_owner(tx: &mut Tx, org: OrgId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str =
        "update members set role = 'ADMIN', updated_at = $2 where org_id = $1 and role = 'OWNER'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(now).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::access) async fn delete(tx: &mut Tx, org: OrgId, user: UserId) -> Result<(), DbError> {
    const SQL: &str = "delete from members where org_id = $1 and user_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(user).execute(conn).await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    username: String,
    nick_name: String,
    email: Option<String>,
    role: String,
    created_at: UnixMs,
}

impl TryFrom<Row> for Member {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            user_id: row.user_id,
            username: row.username,
            nick_name: row.nick_name,
            email: row.email,
            role: parse_role(&row.role)?,
            created_at: row.created_at,
        })
    }
}

pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Member>, DbError> {
    const SQL: &str = "select m.user_id, u.username, u.nick_name, u.email, m.role, m.created_at from members m \
        join users u on u.id = m.user_id where m.org_id = $1 and ($2 is null or m.user_id > $2) \
        order by m.user_id limit $3";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Member::try_from).collect()
}

pub(in crate::access) async fn get(db: &Db, org: OrgId, user: UserId) -> Result<Option<Member>, DbError> {
    const SQL: &str = "select m.user_id, u.username, u.nick_name, u.email, m.role, m.created_at from members m \
        join users u on u.id = m.user_id where m.org_id = $1 and m.user_id = $2";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(user)
        .fetch_optional(pool)
        .await)?;
    row.map(Member::try_from).transpose()
}
