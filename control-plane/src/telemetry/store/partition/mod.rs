//! PostgreSQL's partitions of the tables of readings. On SQLite there are none, and nothing is done.

mod ending;
#[cfg(test)]
mod tests;

use muster_base::{OrgId, UnixMs};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

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
    /// For ever, in a past that has no end yet; if it was begun to give it one, up to then.
    Past(Option<UnixMs>),
    Until(UnixMs),
}

/// Whether every reading of now has its place, and the past has its end.
pub(in crate::telemetry) async fn is_prepared(db: &Db, table: &Table, now: UnixMs) -> Result<bool, DbError> {
    Ok(match reach(db, table).await? {
        Reach::Always => true,
        Reach::Past(_) => false,
        Reach::Until(end) => end >= table.wanted(now),
    })
}

/// Up to when every reading has its place, be it in a past without an end; nothing if one of now may have none.
pub(in crate::telemetry) async fn room(
    db: &Db,
    table: &Table,
    now: UnixMs,
) -> Result<Option<UnixMs>, DbError> {
    Ok(match reach(db, table).await? {
        Reach::Always | Reach::Past(None) => Some(table.wanted(now)),
        Reach::Past(Some(end)) => Some(end).filter(|end| ending::has_room(table, *end, now)),
        Reach::Until(end) => Some(end).filter(|end| *end >= table.wanted(now)),
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
    Ok(match last.to {
        Some(end) => Reach::Until(end),
        None => Reach::Past(
            ending::find(&mut connection, &last.name)
                .await?
                .map(|check| check.end),
        ),
    })
}

/// Makes the partitions of a table that are missing. A past without an end gets one first, which takes as long as reading
/// the table does.
pub(in crate::telemetry) async fn prepare(db: &Db, table: &Table, now: UnixMs) -> Result<(), DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(());
    };
    if let Some(past) = endless(pool, table).await?
        && !ending::is_quick(&mut *pool.acquire().await?, &past).await?
    {
        ending::begin(pool, table, &past, now).await?;
        ending::validate(pool, &past).await?;
    }
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let there = list(&mut tx, table).await?;
    let end = match there.last() {
        Some(last) => match last.to {
            Some(end) => Some(end),
            None if ending::is_quick(&mut tx, last).await? => {
                Some(ending::at_once(&mut tx, table, last, now).await?)
            }
            None => ending::finish(&mut tx, table, last).await?,
        },
        None => Some(begin(&mut tx, table, table.start_of(now)).await?),
    };
    // Otherwise another control plane began anew meanwhile, and does the rest.
    if let Some(end) = end {
        fill(&mut tx, table, end, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Whether [`prepare`] reads a table that takes long to read.
pub(in crate::telemetry) async fn is_slow(db: &Db, table: &Table) -> Result<bool, DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(false);
    };
    let Some(past) = endless(pool, table).await? else {
        return Ok(false);
    };
    Ok(!ending::is_quick(&mut *pool.acquire().await?, &past).await?)
}

/// As [`prepare`], but a past without an end keeps none if that would take long.
pub(in crate::telemetry) async fn make_room(db: &Db, table: &Table, now: UnixMs) -> Result<(), DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(());
    };
    match endless(pool, table).await? {
        Some(past) => ending::begin(pool, table, &past, now).await,
        None => prepare(db, table, now).await,
    }
}

/// The partition that has no end.
async fn endless(pool: &PgPool, table: &Table) -> Result<Option<Partition>, DbError> {
    let mut connection = pool.acquire().await?;
    let last = list(&mut connection, table).await?.pop();
    Ok(last.filter(|last| last.to.is_none()))
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

/// A table's partitions, oldest first; nothing on SQLite.
pub(in crate::telemetry) async fn list_of(db: &Db, table: &Table) -> Result<Option<Vec<Partition>>, DbError> {
    let Db::Postgres(pool) = db else {
        return Ok(None);
    };
    list(&mut *pool.acquire().await?, table).await.map(Some)
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
