//! Rows of `entry_settings`, and of `members` who are not let in yet.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};

use crate::{
    access::{
        Role,
        joining::{EntrySetting, JoinRequest, OwnRequest},
    },
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    org_id: OrgId,
    name: String,
    code: String,
    fields: String,
    updated_at: UnixMs,
}

impl Row {
    fn setting(self) -> Result<(OrgId, String, EntrySetting), DbError> {
        let corrupt = |error| DbError::Corrupt(format!("entry_settings.fields: {error}"));
        let setting = EntrySetting {
            code: self.code,
            fields: serde_json::from_str(&self.fields).map_err(corrupt)?,
            updated_at: self.updated_at,
        };
        Ok((self.org_id, self.name, setting))
    }
}

pub(in crate::access) async fn find_setting(db: &Db, org: OrgId) -> Result<Option<EntrySetting>, DbError> {
    const SQL: &str = "select e.org_id, o.name, e.code, e.fields, e.updated_at from entry_settings e \
        join orgs o on o.id = e.org_id where e.org_id = $1";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(Row::setting).transpose()?.map(|(.., setting)| setting))
}

/// The org of the platform that has this code, and its name.
pub(in crate::access) async fn find_by_code(
    db: &Db,
    platform: PlatformId,
    code: &str,
) -> Result<Option<(OrgId, String, EntrySetting)>, DbError> {
    const SQL: &str = "select e.org_id, o.name, e.code, e.fields, e.updated_at from entry_settings e \
        join orgs o on o.id = e.org_id where o.platform_id = $1 and e.code = $2 and o.deleted_at is null";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(platform)
        .bind(code)
        .fetch_optional(pool)
        .await)?;
    row.map(Row::setting).transpose()
}

pub(in crate::access) async fn upsert_setting(
    tx: &mut Tx,
    org: OrgId,
    setting: &EntrySetting,
) -> Result<(), DbError> {
    const SQL: &str = "insert into entry_settings (org_id, code, fields, updated_at) values ($1, $2, $3, $4) \
        on conflict (org_id) do update set code = excluded.code, fields = excluded.fields, \
        updated_at = excluded.updated_at";
    let fields = serde_json::to_string(&setting.fields).unwrap_or_else(|_| "[]".to_owned());
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(&setting.code)
            .bind(fields)
            .bind(setting.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn delete_setting(tx: &mut Tx, org: OrgId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from entry_settings where org_id = $1")
            .bind(org)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Who of the org gets messages about requests: its owner and its administrators.
pub(in crate::access) async fn administrators(tx: &mut Tx, org: OrgId) -> Result<Vec<UserId>, DbError> {
    const SQL: &str =
        "select user_id from members where org_id = $1 and status > 0 and role in ('OWNER', 'ADMIN')";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_all(conn)
        .await)?)
}

pub(in crate::access) async fn find_status(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
) -> Result<Option<i64>, DbError> {
    const SQL: &str = "select status from members where org_id = $1 and user_id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(user)
        .fetch_optional(conn)
        .await)?)
}

/// The role counts for nothing before the request is approved, and is set then.
pub(in crate::access) async fn insert_request(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into members (org_id, user_id, role, status, created_at, updated_at) \
        values ($1, $2, 'VIEWER', 0, $3, $3)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn set_status(
    tx: &mut Tx,
    (org, user): (OrgId, UserId),
    status: i64,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update members set status = $3, reason = '', updated_at = $4 \
        where org_id = $1 and user_id = $2 and status <= 0";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(status)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Decides a pending request; false if there is none.
pub(in crate::access) async fn decide(
    tx: &mut Tx,
    (org, user): (OrgId, UserId),
    (status, role, reason): (i64, Option<Role>, &str),
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update members set status = $3, role = coalesce($4, role), updated_at = $5, reason = $6 \
        where org_id = $1 and user_id = $2 and status = 0";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(user)
        .bind(status)
        .bind(role.map(Role::as_str))
        .bind(now)
        .bind(reason)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<JoinRequest>, DbError> {
    const SQL: &str = "select m.user_id, u.username, u.nick_name, u.email, u.mobile, m.status, m.updated_at \
        from members m join users u on u.id = m.user_id where m.org_id = $1 and m.status <= 0 \
        and ($2 is null or m.user_id > $2) order by m.user_id limit $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// A user's own, newest first.
pub(in crate::access) async fn list_own(db: &Db, user: UserId) -> Result<Vec<OwnRequest>, DbError> {
    const SQL: &str = "select m.org_id, o.name as org_name, m.status, m.reason, m.updated_at from members m \
        join orgs o on o.id = m.org_id where m.user_id = $1 and m.status <= 0 and o.deleted_at is null \
        order by m.updated_at desc, m.org_id";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(user)
        .fetch_all(pool)
        .await)?)
}

/// Takes a request back; false if there is none.
pub(in crate::access) async fn delete_request(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
) -> Result<bool, DbError> {
    const SQL: &str = "delete from members where org_id = $1 and user_id = $2 and status <= 0";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(user)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
