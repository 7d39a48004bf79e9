//! Rows of `invitations`.

use muster_base::{InvitationId, OrgId, PlatformId, UnixMs, UserId};

use super::member::parse_role;
use crate::{
    access::invitation::{Invitation, InvitationView, Open},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    (org, maker): (OrgId, Option<UserId>),
    row: &Invitation,
    hash: &[u8],
) -> Result<(), DbError> {
    const SQL: &str = "insert into invitations (id, org_id, email, role, token_hash, created_by, created_at, \
        expires_at, created_by_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(org)
            .bind(&row.email)
            .bind(row.role.as_str())
            .bind(hash)
            .bind(&row.created_by)
            .bind(row.created_at)
            .bind(row.expires_at)
            .bind(maker)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: InvitationId,
    email: Option<String>,
    role: String,
    created_by: String,
    created_at: UnixMs,
    expires_at: UnixMs,
}

/// Those that still work, newest first.
pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    now: UnixMs,
    after: Option<InvitationId>,
    limit: i64,
) -> Result<Vec<Invitation>, DbError> {
    const SQL: &str = "select id, email, role, created_by, created_at, expires_at from invitations \
        where org_id = $1 and used_at is null and revoked_at is null and expires_at > $2 \
        and ($3 is null or id < $3) order by id desc limit $4";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(now)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    let invitation = |row: Row| {
        Ok(Invitation {
            id: row.id,
            email: row.email,
            role: parse_role(&row.role)?,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    };
    rows.into_iter().map(invitation).collect()
}

pub(in crate::access) async fn revoke(
    tx: &mut Tx,
    org: OrgId,
    id: InvitationId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update invitations set revoked_at = $3 where org_id = $1 and id = $2 \
        and used_at is null and revoked_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Those that a member made work no more.
pub(in crate::access) async fn revoke_of(
    tx: &mut Tx,
    org: OrgId,
    maker: UserId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update invitations set revoked_at = $3 where org_id = $1 and created_by_id = $2 \
        and used_at is null and revoked_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(maker)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The org of an invitation, whether it works or not.
pub(in crate::access) async fn org_of(tx: &mut Tx, hash: &[u8]) -> Result<Option<OrgId>, DbError> {
    const SQL: &str = "select org_id from invitations where token_hash = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(hash)
        .fetch_optional(conn)
        .await)?)
}

/// Uses an invitation of the platform up, if it still works.
pub(in crate::access) async fn take(
    tx: &mut Tx,
    platform: PlatformId,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<Open>, DbError> {
    const SQL: &str = "update invitations set used_at = $2 where token_hash = $1 and used_at is null \
        and revoked_at is null and expires_at > $2 and org_id in (select o.id from orgs o \
        where o.platform_id = $3 and o.deleted_at is null) returning id, org_id, email, role, created_by_id as maker, \
        (select o.name from orgs o where o.id = invitations.org_id) as org_name";
    let row: Option<OpenRow> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hash)
        .bind(now)
        .bind(platform)
        .fetch_optional(conn)
        .await)?;
    let open = |row: OpenRow| {
        Ok(Open {
            id: row.id,
            org: row.org_id,
            org_name: row.org_name,
            email: row.email,
            role: parse_role(&row.role)?,
            maker: row.maker,
        })
    };
    row.map(open).transpose()
}

#[derive(sqlx::FromRow)]
struct OpenRow {
    id: InvitationId,
    org_id: OrgId,
    email: Option<String>,
    role: String,
    maker: Option<UserId>,
    org_name: String,
}

#[derive(sqlx::FromRow)]
struct ViewRow {
    org_name: String,
    org_logo: String,
    platform: String,
    role: String,
    created_by: String,
    email: Option<String>,
    expires_at: UnixMs,
}

/// What a link invites to, if it still works.
pub(in crate::access) async fn find(
    db: &Db,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<InvitationView>, DbError> {
    const SQL: &str = "select o.name as org_name, o.logo as org_logo, p.code as platform, i.role, i.created_by, \
        i.email, i.expires_at \
        from invitations i join orgs o on o.id = i.org_id join platforms p on p.id = o.platform_id \
        where i.token_hash = $1 and i.used_at is null and i.revoked_at is null and i.expires_at > $2 \
        and o.deleted_at is null and p.status = 'active' and (i.created_by_id is null or exists (select 1 from members m \
        join users u on u.id = m.user_id where m.org_id = i.org_id and m.user_id = i.created_by_id and m.status > 0 \
        and u.status = 'active'))";
    let row: Option<ViewRow> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(hash)
        .bind(now)
        .fetch_optional(pool)
        .await)?;
    let view = |row: ViewRow| {
        Ok(InvitationView {
            org_name: row.org_name,
            org_logo: row.org_logo,
            platform: row.platform,
            role: parse_role(&row.role)?,
            created_by: row.created_by,
            email: row.email,
            expires_at: row.expires_at,
        })
    };
    row.map(view).transpose()
}
