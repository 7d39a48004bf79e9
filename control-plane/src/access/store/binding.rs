//! Rows of `bindings` and `binding_types`.

use muster_base::{UnixMs, UserId};
use uuid::Uuid;

use crate::{
    access::binding::{Binding, BindingType},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The user of that platform to whom this is bound, if they may sign in.
pub(in crate::access) async fn find_user(
    db: &Db,
    platform: &str,
    kind: &str,
    account: &str,
) -> Result<Option<(UserId, String)>, DbError> {
    const SQL: &str = "select u.id, u.username from bindings b join users u on u.id = b.user_id \
        join platforms p on p.id = b.platform_id where p.code = $1 and b.type = $2 and b.type_account = $3 \
        and u.status = 'active' and p.status = 'active'";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(platform)
        .bind(kind)
        .bind(account)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn list(db: &Db, user: UserId) -> Result<Vec<Binding>, DbError> {
    const SQL: &str = "select type, type_account, other, created_at from bindings where user_id = $1 \
        order by created_at, type, type_account limit 100";
    let rows: Vec<(String, String, String, UnixMs)> =
        with_pool!(db, |pool| sqlx::query_as(SQL).bind(user).fetch_all(pool).await)?;
    let binding = |(kind, type_account, other, created_at)| Binding {
        user_id: user,
        kind,
        type_account,
        other,
        verified: true,
        created_at: Some(created_at),
    };
    Ok(rows.into_iter().map(binding).collect())
}

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    user: UserId,
    (kind, account, name): (&str, &str, &str),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into bindings (user_id, platform_id, type, type_account, other, created_at) \
        select id, platform_id, $2, $3, $4, $5 from users where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user)
            .bind(kind)
            .bind(account)
            .bind(name)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn delete(
    tx: &mut Tx,
    user: UserId,
    kind: &str,
    account: &str,
) -> Result<bool, DbError> {
    const SQL: &str = "delete from bindings where user_id = $1 and type = $2 and type_account = $3";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(user)
        .bind(kind)
        .bind(account)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn list_types(db: &Db) -> Result<Vec<BindingType>, DbError> {
    const SQL: &str = "select id, code, name, icon from binding_types order by code limit 500";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

pub(in crate::access) async fn upsert_type(tx: &mut Tx, kind: &BindingType) -> Result<BindingType, DbError> {
    const SQL: &str = "insert into binding_types (id, code, name, icon) values ($1, $2, $3, $4) \
        on conflict (code) do update set name = excluded.name, icon = excluded.icon returning id, code, name, icon";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(kind.id)
        .bind(&kind.code)
        .bind(&kind.name)
        .bind(&kind.icon)
        .fetch_one(conn)
        .await)?)
}

pub(in crate::access) async fn insert_type(tx: &mut Tx, kind: &BindingType) -> Result<(), DbError> {
    const SQL: &str = "insert into binding_types (id, code, name, icon) values ($1, $2, $3, $4)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(kind.id)
            .bind(&kind.code)
            .bind(&kind.name)
            .bind(&kind.icon)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Makes a type if there is none of its code.
pub(in crate::access) async fn seed_type(
    tx: &mut Tx,
    id: Uuid,
    code: &str,
    name: &str,
) -> Result<(), DbError> {
    const SQL: &str =
        "insert into binding_types (id, code, name) values ($1, $2, $3) on conflict (code) do nothing";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(code)
            .bind(name)
            .execute(conn)
            .await?;
    });
    Ok(())
}
