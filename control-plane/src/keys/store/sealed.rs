//! Sealed values of any table that a [`Shelf`] describes.

use muster_base::OrgId;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    keys::rewrap::{Sealed, Shelf, ShelfKind},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    org: Uuid,
    kind: String,
    id: Uuid,
    version: Option<i64>,
    value: String,
}

/// Values that the key with this id sealed.
pub(in crate::keys) async fn list(
    db: &Db,
    shelf: &'static Shelf,
    key_id: &str,
    limit: i64,
) -> Result<Vec<Sealed>, DbError> {
    let Shelf {
        table, column, id, ..
    } = shelf;
    let org = shelf.org.unwrap_or(shelf.id);
    let kind = match shelf.kind {
        ShelfKind::Always(_) => "''",
        ShelfKind::Column(column, _) => column,
    };
    let version = shelf.version.unwrap_or("null");
    let sql = format!(
        "select {org} as org, {kind} as kind, {id} as id, cast({version} as bigint) as version, {column} as value \
         from {table} where {column} like $1 order by {id} limit $2"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(format!("{key_id}:%"))
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|row| {
            let org = if shelf.org.is_some() { row.org } else { Uuid::nil() };
            Ok(Sealed {
                place: shelf.place(OrgId::from_uuid(org), &row.kind, row.id, row.version)?,
                value: row.value,
            })
        })
        .collect()
}

/// Replaces a value, if it is still what was read.
pub(in crate::keys) async fn replace(
    tx: &mut Tx,
    shelf: &'static Shelf,
    row: &Sealed,
    value: &str,
) -> Result<bool, DbError> {
    let Shelf {
        table, column, id, ..
    } = shelf;
    let kind = match shelf.kind {
        ShelfKind::Always(_) => "$4 = $4".to_owned(),
        ShelfKind::Column(column, _) => format!("{column} = $4"),
    };
    let version = shelf
        .version
        .map_or_else(|| "$5 = $5".to_owned(), |column| format!("{column} = $5"));
    let sql = format!(
        "update {table} set {column} = $1 where {column} = $2 and {id} = $3 and {kind} and {version}"
    );
    let rows = with_tx!(tx, |conn| sqlx::query(AssertSqlSafe(sql))
        .bind(value)
        .bind(&row.value)
        .bind(row.place.id)
        .bind(row.place.kind)
        .bind(row.place.version)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// How many values each key sealed, by the id in the sealed text.
pub(in crate::keys) async fn count(db: &Db, shelf: &'static Shelf) -> Result<Vec<(String, i64)>, DbError> {
    let Shelf { table, column, .. } = shelf;
    let sql = format!(
        "select substr({column}, 1, 16) as key_id, count(*) from {table} where {column} <> '' \
         group by substr({column}, 1, 16) order by key_id"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await)?)
}

/// Changes one secret's value, as somebody who can write to the database would.
#[cfg(test)]
pub(in crate::keys) async fn damage_for_tests(db: &Db) {
    let damage = async || -> Result<(), DbError> {
        crate::in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query("update secret_versions set value = substr(value, 1, 16) || ':000000000000000000000000' || substr(value, 42)")
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    damage().await.unwrap();
}
