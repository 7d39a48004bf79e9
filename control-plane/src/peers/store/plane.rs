//! This room's part of `control_planes`: signs of life, and where each is reached. The keys room tells which master keys
//! each has, in the same rows.

use muster_base::UnixMs;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::db::DbError;

/// A control plane, as its row says.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(in crate::peers) struct PlaneRow {
    pub id: Uuid,
    /// `machine/process`.
    pub name: String,
    pub seen_at: UnixMs,
    pub peer_address: Option<String>,
}

/// What a control plane says of itself.
#[derive(Debug)]
pub(in crate::peers) struct Sign<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub now: UnixMs,
    pub master_keys: &'a [String],
    pub peer_address: Option<&'a str>,
}

/// A sign of life: another one than the one before, whatever the clock did.
pub(in crate::peers) async fn beat(pool: &PgPool, sign: &Sign<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into control_planes \
        (id, name, version, started_at, seen_at, master_keys, peer_address) values ($1, $2, $3, $4, $4, $5, $6) \
        on conflict (id) do update \
        set seen_at = case when excluded.seen_at = control_planes.seen_at then excluded.seen_at + 1 \
        else excluded.seen_at end, peer_address = excluded.peer_address";
    sqlx::query(SQL)
        .bind(sign.id)
        .bind(sign.name)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(sign.now)
        .bind(sign.master_keys.join(","))
        .bind(sign.peer_address)
        .execute(pool)
        .await?;
    Ok(())
}

/// All but one: those that serve, and those that were killed and not yet forgotten.
pub(in crate::peers) async fn others(pool: &PgPool, but: Uuid) -> Result<Vec<PlaneRow>, DbError> {
    const SQL: &str = "select id, name, seen_at, peer_address from control_planes where id <> $1";
    Ok(sqlx::query_as(SQL).bind(but).fetch_all(pool).await?)
}

/// Forgets one that serves no more.
pub(in crate::peers) async fn delete(
    tx: &mut Transaction<'static, Postgres>,
    id: Uuid,
) -> Result<(), DbError> {
    sqlx::query("delete from control_planes where id = $1")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
