//! PostgreSQL's partitions of the tables of readings. On SQLite there are none, and nothing is done.

#[cfg(test)]
mod tests;

use muster_base::{OrgId, UnixMs};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{
    db::{Db, DbError, Tx},
    telemetry::partition::{Partition, Table, passed},
};

/// The table that rows are deleted from: for all orgs that of the past, for what is in the others goes with them.
pub(super) fn to_prune(tx: &Tx, table: &'static str, whose: Option<OrgId>) -> String {
    match (tx, whose) {
        (Tx::Postgres(_), None) => format!("{table}_past"),
        (Tx::Postgres(_), Some(_)) | (Tx::Sqlite(_), _) => table.to_owned(),
    }
}

/// Up to when every reading has its place in a table.
enum Reach {
    /// For ever: on SQLite.
    Always,
    /// For ever, in a past that has no end yet.
    Past,
    Until(UnixMs),
}

/// Whether every reading of now has its place, and the past has its end.
pub(in crate::telemetry) async fn is_prepared(db: &Db, table: &Table, now: UnixMs) -> Result<bool, DbError> {
    Ok(match reach(db, table).await? {
        Reach::Always => true,
        Reach::Past => false,
        Reach::Until(end) => end >= table.wanted(now),
    })
}

/// Whether every reading of now has its place, be it in a past without an end.
pub(in crate::telemetry) async fn has_room(db: &Db, table: &Table, now: UnixMs) -> Result<bool, DbError> {
    Ok(match reach(db, table).await? {
        Reach::Always | Reach::Past => true,
        Reach::Until(end) => end >= table.wanted(now),
    })
}

async fn reach(db: &Db, table: &Table) -> Result<Reach, DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(Reach::Always);
    };
    let mut connection = pool.acquire().await?;
    let partitions = list(&mut connection, table).await?;
    let Some(last) = partitions.last() else {
        return Ok(Reach::Until(UnixMs(i64::MIN)));
    };
    Ok(last.to.map_or(Reach::Past, Reach::Until))
}

/// Makes the partitions of a table that are missing.
pub(in crate::telemetry) async fn prepare(db: &Db, table: &Table, now: UnixMs) -> Result<(), DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(());
    };
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let there = list(&mut tx, table).await?;
    let end = match there.last() {
        Some(last) => match last.to {
            Some(end) => end,
            None => give_end(&mut tx, table, last, now).await?,
        },
        None => begin(&mut tx, table, table.start_of(now)).await?,
    };
    fill(&mut tx, table, end, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Drops the partitions of a table that end before a time or with it. The past then reaches up to the first that stays.
pub(in crate::telemetry) async fn drop_passed(
    db: &Db,
    table: &Table,
    before: UnixMs,
    now: UnixMs,
) -> Result<(), DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(());
    };
    // The past alone is not worth a lock: what came late is deleted there.
    let mut connection = pool.acquire().await?;
    let there = list(&mut connection, table).await?;
    drop(connection);
    if passed(&there, before) < 2 {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let there = list(&mut tx, table).await?;
    let (gone, stay) = there.split_at(passed(&there, before));
    if gone.len() < 2 {
        return Ok(());
    }
    let names: Vec<&str> = gone.iter().map(|partition| partition.name.as_str()).collect();
    run(&mut tx, format!("drop table {}", names.join(", "))).await?;
    let first = stay.first().and_then(|partition| partition.from);
    let end = begin(&mut tx, table, first.unwrap_or_else(|| table.start_of(before))).await?;
    if stay.is_empty() {
        fill(&mut tx, table, end, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A table's partitions, oldest first.
pub(in crate::telemetry) async fn list(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Vec<Partition>, DbError> {
    const SQL: &str = "select c.relname::text, pg_get_expr(c.relpartbound, c.oid) \
        from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::text::regclass";
    let rows: Vec<(String, Option<String>)> =
        sqlx::query_as(SQL).bind(table.name).fetch_all(connection).await?;
    // One without bounds is just being dropped.
    let read = rows
        .into_iter()
        .filter_map(|(name, bounds)| Some(Partition::read(name, &bounds?)));
    let mut partitions = read.collect::<Result<Vec<_>, _>>()?;
    partitions.sort_by_key(|partition| partition.from);
    Ok(partitions)
}

/// Makes the others wait who would make or drop partitions. Whoever waits for a lock makes everybody wait who comes
/// after: not for long. Longer than it takes until a clean-up of the table notices that it is in the way.
async fn lock(connection: &mut PgConnection) -> Result<(), DbError> {
    run(connection, "set local lock_timeout = '3s'".to_owned()).await?;
    let lock = "select pg_advisory_xact_lock(hashtextextended('partitions of readings', 0))";
    run(connection, lock.to_owned()).await
}

/// Gives the past, which is the only partition, its end: that of its newest day.
async fn give_end(
    connection: &mut PgConnection,
    table: &Table,
    past: &Partition,
    now: UnixMs,
) -> Result<UnixMs, DbError> {
    let (parent, column, name) = (table.name, table.column, &past.name);
    // Nobody adds a newer row between looking and detaching.
    run(
        connection,
        format!("lock table {parent} in access exclusive mode"),
    )
    .await?;
    let newest: Option<UnixMs> =
        sqlx::query_scalar(AssertSqlSafe(format!("select max({column}) from {name}")))
            .fetch_one(&mut *connection)
            .await?;
    let end = newest.map_or_else(|| table.start_of(now), |newest| table.end_of(newest));
    run(
        connection,
        format!("alter table {parent} detach partition {name}"),
    )
    .await?;
    attach(connection, table, name, past.from, end).await?;
    Ok(end)
}

/// Makes the first partition.
async fn begin(connection: &mut PgConnection, table: &Table, end: UnixMs) -> Result<UnixMs, DbError> {
    add(connection, table, &table.past(), None, end).await?;
    Ok(end)
}

/// Makes what is missing after `end`.
async fn fill(connection: &mut PgConnection, table: &Table, end: UnixMs, now: UnixMs) -> Result<(), DbError> {
    for (from, to) in table.missing(end, now) {
        add(connection, table, &table.partition(from), Some(from), to).await?;
    }
    Ok(())
}

/// Makes a partition apart and attaches it: readers and writers of the others go on.
async fn add(
    connection: &mut PgConnection,
    table: &Table,
    name: &str,
    from: Option<UnixMs>,
    to: UnixMs,
) -> Result<(), DbError> {
    let (parent, storage) = (table.name, table.storage);
    run(
        connection,
        format!("create table {name} (like {parent} including storage) with ({storage})"),
    )
    .await?;
    attach(connection, table, name, from, to).await
}

async fn attach(
    connection: &mut PgConnection,
    table: &Table,
    name: &str,
    from: Option<UnixMs>,
    to: UnixMs,
) -> Result<(), DbError> {
    let parent = table.name;
    let from = from.map_or_else(|| "minvalue".to_owned(), |from| from.0.to_string());
    let to = to.0;
    let sql = format!("alter table {parent} attach partition {name} for values from ({from}) to ({to})");
    run(connection, sql).await
}

/// Names and bounds are our own.
async fn run(connection: &mut PgConnection, sql: String) -> Result<(), DbError> {
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}
