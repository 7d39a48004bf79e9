//! Gives the past its end after an upgrade or a restore, when it is the only partition and for all times there are.
//!
//! PostgreSQL must know that nothing in it lies beyond the new end. Asked for the new bounds alone it reads the whole table
//! under a lock that stops everybody, readers and writers. That is nothing where it is small, as in a new installation.
//! Any other one is read before, while everybody goes on:
//!
//! | step, a transaction each | holds up |
//! |---|---|
//! | 1. a check that the time is before the end, `NOT VALID`: holds for what comes from now on | everybody, for a moment |
//! | 2. `VALIDATE`: reads what is there | nobody |
//! | 3. detach, attach with the end (the check says it already), drop the check, make the next tables | everybody, for a moment |
//!
//! The end stands in the check's name, so that whoever comes after a kill between two steps goes on where it was. It lies as
//! far ahead as tables are made ahead, because what comes from now on must fit: should it come too near before step 3 is done
//! (somebody read the table for a day, and no lock was to be had), step 1 is done anew.

use muster_base::UnixMs;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::{attach, lock, run};
use crate::{
    db::DbError,
    telemetry::partition::{Partition, Table},
};

/// What is read in some milliseconds.
const SMALL_BYTES: i64 = 8 << 20;
/// PostgreSQL's word for a row that is not as a check says.
const CHECK_VIOLATION: &str = "23514";

/// The check that says where a partition is going to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    name: String,
    pub(super) end: UnixMs,
    is_valid: bool,
}

fn prefix(partition: &str) -> String {
    format!("{partition}_ends_")
}

/// The check of a partition.
pub(super) async fn find(connection: &mut PgConnection, partition: &str) -> Result<Option<Check>, DbError> {
    const SQL: &str = "select conname::text, convalidated from pg_constraint \
        where conrelid = $1::text::regclass and contype = 'c' and starts_with(conname::text, $2) \
        order by conname desc limit 1";
    let prefix = prefix(partition);
    let row: Option<(String, bool)> = sqlx::query_as(SQL)
        .bind(partition)
        .bind(&prefix)
        .fetch_optional(connection)
        .await?;
    let read = |(name, is_valid): (String, bool)| {
        let end = name.strip_prefix(&prefix)?.parse().ok().map(UnixMs)?;
        Some(Check { name, end, is_valid })
    };
    Ok(row.and_then(read))
}

/// Whether what may come fits before this end: readings are at most a day ahead.
pub(super) fn has_room(table: &Table, end: UnixMs, now: UnixMs) -> bool {
    end >= table.end_of(now.plus_ms(UnixMs::DAY))
}

/// Whether it can be done at once: it is small, and nobody has begun.
pub(super) async fn is_quick(connection: &mut PgConnection, past: &Partition) -> Result<bool, DbError> {
    let bytes: i64 = sqlx::query_scalar("select pg_relation_size($1::text::regclass)")
        .bind(&past.name)
        .fetch_one(&mut *connection)
        .await?;
    Ok(bytes <= SMALL_BYTES && find(connection, &past.name).await?.is_none())
}

/// Gives a small one the end of its newest day.
pub(super) async fn at_once(
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
    let sql = format!("select max({column}) from {name}");
    let newest: Option<UnixMs> = sqlx::query_scalar(AssertSqlSafe(sql))
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

/// Step 1, unless it was done already and the end is still far enough.
pub(super) async fn begin(
    pool: &PgPool,
    table: &Table,
    past: &Partition,
    now: UnixMs,
) -> Result<(), DbError> {
    let (name, column) = (&past.name, table.column);
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let before = find(&mut tx, name).await?;
    if before
        .as_ref()
        .is_some_and(|check| has_room(table, check.end, now))
    {
        return Ok(());
    }
    let sql = format!("select max({column}) from {name}");
    let newest: Option<UnixMs> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await?;
    let wanted = table.wanted(now);
    let end = newest.map_or(wanted, |newest| table.end_of(newest).max(wanted));
    let drop = before.map_or_else(String::new, |check| format!("drop constraint {}, ", check.name));
    let sql = format!(
        "alter table {name} {drop}add constraint {prefix}{end} \
         check ({column} is not null and {column} < '{end}'::bigint) not valid",
        prefix = prefix(name),
        end = end.0,
    );
    run(&mut tx, sql).await?;
    tx.commit().await?;
    Ok(())
}

/// Step 2, unless it was done already.
pub(super) async fn validate(pool: &PgPool, past: &Partition) -> Result<(), DbError> {
    let mut tx = pool.begin().await?;
    run(&mut tx, "set local lock_timeout = '3s'".to_owned()).await?;
    let Some(check) = find(&mut tx, &past.name).await?.filter(|check| !check.is_valid) else {
        return Ok(());
    };
    let (table, name) = (&past.name, &check.name);
    let validated = run(&mut tx, format!("alter table {table} validate constraint {name}")).await;
    if let Err(DbError::Refused(sqlx::Error::Database(error))) = &validated
        && error.code().as_deref() == Some(CHECK_VIOLATION)
    {
        // Something lies beyond the end that came between looking and step 1: that is done anew the next time.
        drop(tx);
        let mut tx = pool.begin().await?;
        lock(&mut tx).await?;
        run(
            &mut tx,
            format!("alter table {table} drop constraint if exists {name}"),
        )
        .await?;
        tx.commit().await?;
        return validated;
    }
    validated?;
    tx.commit().await?;
    Ok(())
}

/// Step 3; nothing if the others are not done.
pub(super) async fn finish(
    connection: &mut PgConnection,
    table: &Table,
    past: &Partition,
) -> Result<Option<UnixMs>, DbError> {
    let (parent, name) = (table.name, &past.name);
    let Some(check) = find(&mut *connection, name).await?.filter(|check| check.is_valid) else {
        return Ok(None);
    };
    run(
        connection,
        format!("alter table {parent} detach partition {name}"),
    )
    .await?;
    attach(connection, table, name, past.from, check.end).await?;
    run(
        connection,
        format!("alter table {name} drop constraint {}", check.name),
    )
    .await?;
    Ok(Some(check.end))
}
