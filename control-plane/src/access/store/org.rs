//! Rows of `orgs`.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};

use crate::{
    access::org::{ListedOrg, Membership, Org, OrgQuery},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) async fn insert(tx: &mut Tx, org: &Org) -> Result<(), DbError> {
    const SQL: &str = "insert into orgs (id, platform_id, name, slug, description, created_at, updated_at, \
        alias, logo, contact, mobile, legacy_id) values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org.id)
            .bind(org.platform_id)
            .bind(&org.name)
            .bind(&org.slug)
            .bind(&org.description)
            .bind(org.created_at)
            .bind(&org.alias)
            .bind(&org.logo)
            .bind(&org.contact)
            .bind(&org.mobile)
            .bind(&org.legacy_id)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Writes what may change; false if the org is gone.
pub(in crate::access) async fn update(tx: &mut Tx, org: &Org, now: UnixMs) -> Result<bool, DbError> {
    const SQL: &str = "update orgs set name = $2, description = $3, updated_at = $4, alias = $5, logo = $6, \
        contact = $7, mobile = $8, slug = $9 where id = $1 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org.id)
        .bind(&org.name)
        .bind(&org.description)
        .bind(now)
        .bind(&org.alias)
        .bind(&org.logo)
        .bind(&org.contact)
        .bind(&org.mobile)
        .bind(&org.slug)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn get(db: &Db, id: OrgId) -> Result<Option<Org>, DbError> {
    const SQL: &str = "select id, platform_id, name, slug, description, alias, logo, contact, mobile, legacy_id, created_at from orgs \
        where id = $1 and deleted_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// The org with this id, slug or legacy id, in this order; the oldest one if none is wanted. For the super administrator only.
pub(in crate::access) async fn find(db: &Db, wanted: Option<&str>) -> Result<Option<OrgId>, DbError> {
    const SQL: &str = "select id from orgs where deleted_at is null \
        and (($1 is null and $2 is null) or id = $1 or slug = $2 or legacy_id = $2) \
        order by case when slug = $2 then 0 else 1 end, created_at, id limit 1";
    let id: Option<OrgId> = wanted.and_then(|text| text.parse().ok());
    let slug = if id.is_some() { None } else { wanted };
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(slug)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn list_slugs(db: &Db) -> Result<Vec<(OrgId, String)>, DbError> {
    const SQL: &str = "select id, slug from orgs where deleted_at is null order by id";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

pub(in crate::access) async fn list_ids(db: &Db) -> Result<Vec<OrgId>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(
        "select id from orgs where deleted_at is null order by created_at, id"
    )
    .fetch_all(pool)
    .await)?)
}

/// The orgs of a user, or all of them.
pub(in crate::access) async fn list_for(
    db: &Db,
    user: Option<UserId>,
    all: bool,
) -> Result<Vec<Membership>, DbError> {
    const MINE: &str = "select o.id, o.name, o.slug, m.role from orgs o \
        join members m on m.org_id = o.id and m.user_id = $1 and m.status > 0 order by m.created_at, o.id";
    const ALL: &str = "select id, name, slug, cast(null as text) from orgs where deleted_at is null order by created_at, id";
    let rows: Vec<(OrgId, String, String, Option<String>)> = if all {
        with_pool!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?
    } else {
        with_pool!(db, |pool| sqlx::query_as(MINE).bind(user).fetch_all(pool).await)?
    };
    rows.into_iter()
        .map(|(id, name, slug, role)| {
            let role = role.map(|role| super::member::parse_role(&role)).transpose()?;
            Ok(Membership { id, name, slug, role })
        })
        .collect()
}

pub(in crate::access) async fn platform_of(tx: &mut Tx, org: OrgId) -> Result<PlatformId, DbError> {
    const SQL: &str = "select platform_id from orgs where id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::access) async fn find_platform(db: &Db, org: OrgId) -> Result<Option<PlatformId>, DbError> {
    const SQL: &str = "select platform_id from orgs where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_optional(pool)
        .await)?)
}

/// Newest first, without logos; `platforms` is a JSON array of ids, none: all.
pub(in crate::access) async fn list(
    db: &Db,
    platforms: Option<String>,
    query: &OrgQuery,
    after: Option<OrgId>,
    limit: i64,
) -> Result<Vec<ListedOrg>, DbError> {
    let sql = format!(
        "select id, name, slug, description, alias, '' as logo, contact, mobile, legacy_id, created_at, platform_id, \
         (select u.username from members m join users u on u.id = m.user_id where m.org_id = orgs.id and m.role = 'OWNER') as owner \
         from orgs where deleted_at is null and ($1 is null or {}) and ($2 is null or id < $2) \
         and ($4 is null or platform_id = $4) and ($5 is null or lower(name) like $5 escape '\\' \
            or lower(alias) like $5 escape '\\' or slug like $5 escape '\\' or legacy_id = $6) \
         order by id desc limit $3",
        db.id_among("platform_id", 1)
    );
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(&platforms)
        .bind(after)
        .bind(limit)
        .bind(query.platform_id)
        .bind(search.map(begins))
        .bind(search)
        .fetch_all(pool)
        .await)?)
}

fn begins(text: &str) -> String {
    let text = text.to_lowercase();
    let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{text}%")
}

/// Keeps others from changing what there is one of in the org, until the transaction ends.
pub(in crate::access) async fn lock(tx: &mut Tx, db: &Db, org: OrgId) -> Result<(), DbError> {
    let sql = format!("select id from orgs where id = $1{}", db.for_update());
    let _: Option<OrgId> = with_tx!(tx, |conn| sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .fetch_optional(conn)
        .await)?;
    Ok(())
}

/// Whether hosts belong to it, or applications that were deployed (4) or are being deployed (3).
pub(in crate::access) async fn is_in_use(tx: &mut Tx, org: OrgId) -> Result<bool, DbError> {
    const SQL: &str = "select (select count(*) from hosts where org_id = $1 and deleted_at is null) \
        + (select count(*) from applications where org_id = $1 and status in (3, 4)) \
        + (select count(*) from deployments where org_id = $1 and status in ('pending', 'waitingApproval', 'running'))";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL).bind(org).fetch_one(conn).await)?;
    Ok(count > 0)
}

/// Marks it as deleted, frees its slug, and takes everybody's way in.
pub(in crate::access) async fn delete(tx: &mut Tx, org: OrgId, now: UnixMs) -> Result<(), DbError> {
    const ORG: &str = "update orgs set deleted_at = $2, updated_at = $2, legacy_id = null, \
        slug = slug || '~' || $3 where id = $1";
    const ENDED: [&str; 3] = [
        "update api_keys set revoked_at = $2 where org_id = $1 and revoked_at is null",
        "update invitations set revoked_at = $2 where org_id = $1 and revoked_at is null",
        "update join_tokens set withdrawn_at = $2 where org_id = $1 and withdrawn_at is null",
    ];
    const GONE: [&str; 5] = [
        "delete from credentials where org_id = $1 and kind = 'credential/git-host'",
        "delete from third_parts where org_id = $1",
        "delete from entry_settings where org_id = $1",
        "delete from departments where org_id = $1",
        "delete from members where org_id = $1",
    ];
    with_tx!(tx, |conn| {
        sqlx::query(ORG)
            .bind(org)
            .bind(now)
            .bind(org.to_string())
            .execute(&mut *conn)
            .await?;
        for sql in ENDED {
            sqlx::query(sql).bind(org).bind(now).execute(&mut *conn).await?;
        }
        for sql in GONE {
            sqlx::query(sql).bind(org).execute(&mut *conn).await?;
        }
    });
    Ok(())
}

/// Name of an org that is there.
pub(in crate::access) async fn find_in(tx: &mut Tx, org: OrgId) -> Result<Option<String>, DbError> {
    const SQL: &str = "select name from orgs where id = $1 and deleted_at is null";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .fetch_optional(conn)
        .await)?)
}
