//! PostgreSQL's tables out of one snapshot and into an empty database.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::{
    backup::{BackupError, archive::Entries},
    db::DbError,
};

/// Readings and what is made of them.
const TELEMETRY: &[&str] = &[
    "samples",
    "sample_chunks",
    "rollups",
    "packed_hours",
    "containers",
];
/// Kept by the migrations themselves.
const MIGRATIONS: &str = "_sqlx_migrations";
const BLOCK: usize = 1 << 20;

/// Copies every table, all as they were at one moment.
pub(in crate::backup) async fn copy_out<W: Write>(
    pool: &PgPool,
    telemetry: bool,
    archive: &mut Entries<W>,
) -> Result<(), BackupError> {
    let mut tx = pool.begin().await.map_err(DbError::from)?;
    let isolate = "set transaction isolation level repeatable read, read only";
    execute(&mut tx, isolate).await?;
    for (table, columns) in tables(&mut tx).await? {
        if !telemetry && TELEMETRY.contains(&table.as_str()) {
            continue;
        }
        let columns = columns.join(", ");
        archive
            .begin(&format!("table/{table}"))
            .and_then(|()| archive.append(columns.as_bytes()))
            .and_then(|()| archive.append(b"\n"))
            .map_err(BackupError::Damaged)?;
        // Not `copy table`: a table of partitions has no rows of its own.
        let statement = format!("copy (select {columns} from {table}) to stdout");
        let mut rows = tx.copy_out_raw(&statement).await.map_err(DbError::from)?;
        while let Some(block) = rows.try_next().await.map_err(DbError::from)? {
            archive.append(&block).map_err(BackupError::Damaged)?;
        }
        archive.end().map_err(BackupError::Damaged)?;
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

/// Fills the tables from files that [`copy_out`]'s entries were written to: all of them or none.
pub(in crate::backup) async fn copy_in(pool: &PgPool, files: &[PathBuf]) -> Result<(), BackupError> {
    let mut tx = pool.begin().await.map_err(DbError::from)?;
    let mut files: BTreeMap<String, &Path> = files
        .iter()
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path.as_path())))
        .collect();
    for table in in_order(&mut tx).await? {
        if let Some(path) = files.remove(&table) {
            copy_table(&mut tx, &table, path).await?;
        }
    }
    if let Some((table, _)) = files.pop_first() {
        return Err(DbError::Corrupt(format!("there is no table {table}")).into());
    }
    tx.commit().await.map_err(DbError::from)?;
    Ok(())
}

async fn copy_table(tx: &mut PgConnection, table: &str, path: &Path) -> Result<(), BackupError> {
    let file = |e| BackupError::File(path.to_owned(), e);
    let mut input = BufReader::new(File::open(path).map_err(file)?);
    let mut columns = String::new();
    input.read_line(&mut columns).map_err(file)?;
    let names = columns.trim_end().split(", ");
    if !names.clone().all(is_name) {
        return Err(DbError::Corrupt(format!("columns of {table}")).into());
    }
    // What a migration put there comes from the backup, too.
    execute(tx, &format!("delete from {table}")).await?;
    let statement = format!("copy {table} ({}) from stdin", columns.trim_end());
    let mut copy = tx.copy_in_raw(&statement).await.map_err(DbError::from)?;
    let mut block = vec![0; BLOCK];
    loop {
        let count = input.read(&mut block).map_err(file)?;
        if count == 0 {
            break;
        }
        copy.send(&block[..count]).await.map_err(DbError::from)?;
    }
    copy.finish().await.map_err(DbError::from)?;
    Ok(())
}

/// The tables of our schema with their columns.
async fn tables(tx: &mut PgConnection) -> Result<BTreeMap<String, Vec<String>>, DbError> {
    const SQL: &str = "select c.relname::text, a.attname::text from pg_class c \
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' \
        where c.relkind in ('r', 'p') and not c.relispartition \
        and c.relnamespace = current_schema()::regnamespace and c.relname <> $1 order by c.relname, a.attnum";
    let rows: Vec<(String, String)> = sqlx::query_as(SQL).bind(MIGRATIONS).fetch_all(tx).await?;
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for (table, column) in rows {
        if !is_name(&table) || !is_name(&column) {
            return Err(DbError::Corrupt(format!("the name {table}.{column}")));
        }
        tables.entry(table).or_default().push(column);
    }
    Ok(tables)
}

/// The tables, each after those that it refers to.
async fn in_order(tx: &mut PgConnection) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select a.relname::text, b.relname::text from pg_constraint k \
        join pg_class a on a.oid = k.conrelid join pg_class b on b.oid = k.confrelid \
        where k.contype = 'f' and a.oid <> b.oid and a.relnamespace = current_schema()::regnamespace";
    let mut left: BTreeSet<String> = tables(tx).await?.into_keys().collect();
    let references: Vec<(String, String)> = sqlx::query_as(SQL).fetch_all(tx).await?;
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |table: &String| {
            references
                .iter()
                .any(|(from, to)| from == table && left.contains(to))
        };
        let free: Vec<String> = left.iter().filter(|table| !waits(table)).cloned().collect();
        if free.is_empty() {
            return Err(DbError::Corrupt(format!(
                "tables that refer to each other: {left:?}"
            )));
        }
        for table in free {
            left.remove(&table);
            ordered.push(table);
        }
    }
    Ok(ordered)
}

async fn execute(tx: &mut PgConnection, sql: &str) -> Result<(), DbError> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(tx).await?;
    Ok(())
}

/// Plain enough to stand in a statement unquoted.
fn is_name(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.bytes().all(is_plain)
}
