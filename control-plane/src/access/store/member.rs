//! Rows of `members`.

use std::collections::BTreeSet;

use muster_base::{OrgId, UnixMs, UserId};

use crate::{
    access::{
        AccessError, Role,
        member::{Member, MemberQuery},
    },
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) fn parse_role(text: &str) -> Result<Role, DbError> {
    text.parse()
        .map_err(|_| DbError::Corrupt(format!("role {text:?}")))
}

/// Makes somebody a member who is none, or who only asked to be one; false if they are one already.
pub(in crate::access) async fn insert(
    tx: &mut Tx,
    (org, user): (OrgId, UserId),
    role: Role,
    status: i64,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into members (org_id, user_id, role, status, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $5) on conflict (org_id, user_id) do update set role = excluded.role, \
        status = excluded.status, updated_at = excluded.updated_at where members.status <= 0";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(user)
        .bind(role.as_str())
        .bind(status)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Everybody who is let in.
/// The id that they had as a member elsewhere.
pub(in crate::access) async fn set_legacy_id(
    tx: &mut Tx,
    (org, user): (OrgId, UserId),
    id: &str,
) -> Result<(), DbError> {
    const SQL: &str = "update members set legacy_id = $3 where org_id = $1 and user_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(id)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn all_ids(tx: &mut Tx, org: OrgId) -> Result<BTreeSet<UserId>, DbError> {
    const SQL: &str = "select user_id from members where org_id = $1 and status > 0";
    let ids: Vec<UserId> = with_tx!(tx, |conn| sqlx::query_scalar(SQL).bind(org).fetch_all(conn).await)?;
    Ok(ids.into_iter().collect())
}

/// Whether a member of the org is in another org of this name.
pub(in crate::access) async fn shares_name(tx: &mut Tx, org: OrgId, name: &str) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from (select 1 as one from members m join members n on n.user_id = m.user_id \
        join orgs o on o.id = n.org_id where m.org_id = $1 and n.org_id <> $1 and o.name = $2 \
        and o.deleted_at is null limit 1) as found";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(name)
        .fetch_one(conn)
        .await)?;
    Ok(count > 0)
}

/// One person never sees two orgs of the same name: passes if they are in no other of this one. Those who would put
/// the same person into two orgs at once wait for one another.
pub(in crate::access) async fn check_name(
    tx: &mut Tx,
    db: &Db,
    user: UserId,
    org: OrgId,
    name: &str,
) -> Result<(), AccessError> {
    const SQL: &str = "select count(*) from members m join orgs o on o.id = m.org_id \
        where m.user_id = $1 and o.id <> $2 and o.name = $3 and o.deleted_at is null";
    let lock = format!("select id from users where id = $1{}", db.for_update());
    let _: Option<UserId> = with_tx!(tx, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(lock))
        .bind(user)
        .fetch_optional(conn)
        .await)
    .map_err(DbError::from)?;
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(user)
        .bind(org)
        .bind(name)
        .fetch_one(conn)
        .await)
    .map_err(DbError::from)?;
    if count == 0 {
        Ok(())
    } else {
        Err(AccessError::Conflict {
            code: "same-name",
            message: "this person is in another org of the same name: rename one of them first".to_owned(),
        })
    }
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
    status: i64,
    legacy_id: Option<String>,
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
            status: row.status,
            legacy_id: row.legacy_id,
            created_at: row.created_at,
        })
    }
}

pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    query: &MemberQuery,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Member>, DbError> {
    const SQL: &str = "select m.user_id, u.username, u.nick_name, u.email, m.role, m.status, m.legacy_id, m.created_at from members m \
        join users u on u.id = m.user_id where m.org_id = $1 and m.status > 0 and ($2 is null or m.user_id > $2) \
        and ($4 is null or m.role = $4) and ($5 is null or m.status = $5) and ($6 is null \
        or lower(u.username) like $6 escape '\\' or lower(u.nick_name) like $6 escape '\\' \
        or lower(u.email) like $6 escape '\\' or m.legacy_id = $7) order by m.user_id limit $3";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(after)
        .bind(limit)
        .bind(query.role.map(Role::as_str))
        .bind(query.status)
        .bind(query.search.as_deref().and_then(super::beginning))
        .bind(query.search.as_deref())
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Member::try_from).collect()
}

pub(in crate::access) async fn get(db: &Db, org: OrgId, user: UserId) -> Result<Option<Member>, DbError> {
    const SQL: &str = "select m.user_id, u.username, u.nick_name, u.email, m.role, m.status, m.legacy_id, m.created_at from members m \
        join users u on u.id = m.user_id where m.org_id = $1 and m.user_id = $2 and m.status > 0";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(user)
        .fetch_optional(pool)
        .await)?;
    row.map(Member::try_from).transpose()
}

pub(in crate::access) async fn find_owner(tx: &mut Tx, org: OrgId) -> Result<Option<UserId>, DbError> {
    const SQL: &str = "select user_id from members where org_id = $1 and role = 'OWNER'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_optional(conn)
        .await)?)
}

/// Orgs that the user owns.
pub(in crate::access) async fn count_owned(db: &Db, user: UserId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from members m join orgs o on o.id = m.org_id \
        where m.user_id = $1 and m.role = 'OWNER' and m.status > 0 and o.deleted_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(user)
        .fetch_one(pool)
        .await)?)
}
