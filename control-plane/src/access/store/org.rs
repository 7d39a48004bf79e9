//! Rows of `orgs`.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};

use crate::{
    access::org::{Membership, Org},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) async fn insert(tx: &mut Tx, platform: PlatformId, org: &Org) -> Result<(), DbError> {
    const SQL: &str = "insert into orgs (id, platform_id, name, slug, description, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $6)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org.id)
            .bind(platform)
            .bind(&org.name)
            .bind(&org.slug)
            .bind(&org.description)
            .bind(org.created_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn update(tx: &mut Tx, org: &Org, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update orgs set name = $2, description = $3, updated_at = $4 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org.id)
            .bind(&org.name)
            .bind(&org.description)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn get(db: &Db, id: OrgId) -> Result<Option<Org>, DbError> {
    const SQL: &str = "select id, name, slug, description, created_at from orgs where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// The org with this id or slug; the oldest one if none is wanted. For the super administrator only.
pub(in crate::access) async fn find(db: &Db, wanted: Option<&str>) -> Result<Option<OrgId>, DbError> {
    const SQL: &str = "select id from orgs where ($1 is null and $2 is null) or id = $1 or slug = $2 \
        order by created_at, id limit 1";
    let id: Option<OrgId> = wanted.and_then(|text| text.parse().ok());
    let slug = if id.is_some() { None } else { wanted };
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(slug)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn list_ids(db: &Db) -> Result<Vec<OrgId>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(
        "select id from orgs order by created_at, id"
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
        join members m on m.org_id = o.id and m.user_id = $1 order by m.created_at, o.id";
    const ALL: &str = "select id, name, slug, cast(null as text) from orgs order by created_at, id";
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
