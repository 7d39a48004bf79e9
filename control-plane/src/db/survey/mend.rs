//! Making a database ours after it was looked at: tables and history in one transaction, or a set-up that breaks off would
//! leave a history that fits no version.

use std::{collections::BTreeSet, path::Path};

use muster_base::point;
use sqlx::{
    AssertSqlSafe, SqlStr,
    migrate::{Migrate, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{HISTORY, History, Survey, quoted, statement::statements, steps};
use crate::db::DbError;

/// What is to be done before the migrations run as at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Nothing.
    Nothing,
    /// Add tables of ours that are missing.
    Add(BTreeSet<String>),
    /// Drop tables of ours, all empty; the migrations make them anew.
    Drop(BTreeSet<String>),
}

/// Mends an SQLite file; one transaction.
pub async fn sqlite(path: &Path, migrator: &Migrator, survey: &Survey, mend: &Mend) -> Result<(), DbError> {
    if !path.exists() {
        return Ok(());
    }
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    let script = script(migrator, survey, mend, |names| {
        names
            .iter()
            .map(|name| format!("drop table {}", quoted(name)))
            .collect()
    });
    let mut tx = pool.begin_with("begin immediate").await?;
    for sql in script {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    if needs_history(survey, mend) {
        note_all(&mut *tx, migrator).await?;
    }
    point!("mend.before-commit");
    tx.commit().await?;
    point!("mend.after-commit");
    pool.close().await;
    Ok(())
}

/// Mends a PostgreSQL database; one transaction. A table that isn't ours and refers to one that is to be dropped
/// stops it.
pub async fn postgres(
    options: PgConnectOptions,
    migrator: &Migrator,
    survey: &Survey,
    mend: &Mend,
) -> Result<(), DbError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    let script = script(migrator, survey, mend, |names| {
        let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
        vec![format!("drop table {}", names.join(", "))]
    });
    let mut tx = pool.begin().await?;
    for sql in script {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    if needs_history(survey, mend) {
        note_all(&mut *tx, migrator).await?;
    }
    point!("mend.before-commit");
    tx.commit().await?;
    point!("mend.after-commit");
    pool.close().await;
    Ok(())
}

/// Writes a history that has every step.
async fn note_all<C: Migrate>(connection: &mut C, migrator: &Migrator) -> Result<(), DbError> {
    connection.ensure_migrations_table(HISTORY).await?;
    for step in migrator.iter() {
        connection.skip(HISTORY, step).await?;
    }
    Ok(())
}

/// Whether all tables are there (after the mending) without a history that says so.
fn needs_history(survey: &Survey, mend: &Mend) -> bool {
    let has_ours = survey.found.keys().any(|name| survey.expected.contains_key(name));
    survey.history == History::None && has_ours && !matches!(mend, Mend::Drop(_))
}

fn script(
    migrator: &Migrator,
    survey: &Survey,
    mend: &Mend,
    drops: impl Fn(&BTreeSet<String>) -> Vec<String>,
) -> Vec<String> {
    match mend {
        Mend::Nothing => Vec::new(),
        Mend::Add(missing) => {
            let steps = steps(migrator, survey.history.version());
            statements(steps.iter().map(SqlStr::as_str))
                .into_iter()
                .flatten()
                .filter(|statement| missing.contains(statement.table))
                .map(|statement| statement.sql.to_owned())
                .collect()
        }
        Mend::Drop(ours) => {
            let mut script = if ours.is_empty() { Vec::new() } else { drops(ours) };
            if survey.history != History::None {
                script.push(format!("drop table {HISTORY}"));
            }
            script
        }
    }
}
