//! Rows of `control_planes`.

use muster_base::UnixMs;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    keys::Plane,
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    name: String,
    version: String,
    started_at: UnixMs,
    seen_at: UnixMs,
    master_keys: String,
}

pub(in crate::keys) async fn upsert(tx: &mut Tx, plane: &Plane) -> Result<(), DbError> {
    const SQL: &str = "insert into control_planes (id, name, version, started_at, seen_at, master_keys) \
        values ($1, $2, $3, $4, $5, $6) \
        on conflict (id) do update set seen_at = excluded.seen_at, master_keys = excluded.master_keys";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(plane.id)
            .bind(&plane.name)
            .bind(&plane.version)
            .bind(plane.started_at)
            .bind(plane.seen_at)
            .bind(plane.master_keys.join(","))
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::keys) async fn delete(tx: &mut Tx, id: Uuid) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from control_planes where id = $1")
            .bind(id)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Forgets who was not seen since `before`.
pub(in crate::keys) async fn delete_unseen(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from control_planes where seen_at < $1")
            .bind(before)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Those seen since `after`, in the order of their start.
pub(in crate::keys) async fn list(db: &Db, after: UnixMs) -> Result<Vec<Plane>, DbError> {
    const SQL: &str = "select id, name, version, started_at, seen_at, master_keys from control_planes \
        where seen_at >= $1 order by started_at, id";
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(after).fetch_all(pool).await)?;
    Ok(rows
        .into_iter()
        .map(|row| Plane {
            id: row.id,
            name: row.name,
            version: row.version,
            started_at: row.started_at,
            seen_at: row.seen_at,
            master_keys: row.master_keys.split(',').map(str::to_owned).collect(),
        })
        .collect())
}
