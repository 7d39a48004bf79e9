//! Scratch databases: with the target's character set and collation, and a table that holds the mark.

use muster_base::SecretString;
use muster_protocol::latest::SqlTarget;
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::session::Session;
use crate::worker::sql::{
    error::message,
    proving::{Found, MARKER, PREFIX, in_time, not_made},
};

/// A statement of ours that still runs in there holds what is to be dropped.
const LOCK_SECONDS: u32 = 30;

/// Makes one and marks it; the other databases that the user sees. The error is for a person.
pub(in super::super) async fn make_scratch(
    target: &SqlTarget,
    password: &SecretString,
    name: &str,
    mark: &str,
) -> Result<Vec<String>, String> {
    let mut session = connected(target, password).await?;
    let made = in_time(make(&mut session.conn, name, mark)).await;
    session.close().await;
    made?.map_err(|error| refused(&error, &target.username))
}

async fn make(conn: &mut MySqlConnection, name: &str, mark: &str) -> Result<Vec<String>, sqlx::Error> {
    let others: Vec<String> =
        sqlx::query_scalar("select cast(schema_name as char) from information_schema.schemata")
            .fetch_all(&mut *conn)
            .await?;
    let (charset, collation): (String, String) = sqlx::query_as(
        "select cast(default_character_set_name as char), cast(default_collation_name as char)
         from information_schema.schemata where schema_name = database()",
    )
    .fetch_one(&mut *conn)
    .await?;
    let sql = format!(
        "create database {} character set {} collate {}",
        quoted(name),
        word(&charset),
        word(&collation)
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    let sql = format!(
        "create table {}.{} (id int primary key) comment = '{}'",
        quoted(name),
        quoted(MARKER),
        mark.replace('\\', "").replace('\'', "''")
    );
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await {
        drop_it(conn, name).await?;
        return Err(error);
    }
    Ok(others)
}

/// Drops one.
pub(in super::super) async fn drop_scratch(
    admin: &SqlTarget,
    password: &SecretString,
    name: &str,
) -> Result<(), String> {
    let mut session = connected(admin, password).await?;
    let dropped = in_time(drop_it(&mut session.conn, name)).await;
    session.close().await;
    dropped?.map_err(|error| message(&error))
}

async fn drop_it(conn: &mut MySqlConnection, name: &str) -> Result<(), sqlx::Error> {
    let limit = format!("set session lock_wait_timeout = {LOCK_SECONDS}");
    sqlx::raw_sql(AssertSqlSafe(limit)).execute(&mut *conn).await?;
    let sql = format!("drop database if exists {}", quoted(name));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

/// Those that are there, with their marks.
pub(in super::super) async fn find_scratch(
    admin: &SqlTarget,
    password: &SecretString,
) -> Result<Vec<Found>, String> {
    let mut session = connected(admin, password).await?;
    let found = sqlx::query_as(
        "select cast(table_schema as char), cast(table_comment as char) from information_schema.tables
         where table_name = ? and left(table_schema, char_length(?)) = ?",
    )
    .bind(MARKER)
    .bind(PREFIX)
    .bind(PREFIX)
    .fetch_all(&mut session.conn);
    let found = in_time(found).await;
    session.close().await;
    found?.map_err(|error| message(&error))
}

async fn connected(target: &SqlTarget, password: &SecretString) -> Result<Session, String> {
    Session::connect(target, password)
        .await
        .map_err(|error| error.to_string())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A character set's or collation's name, which has no quotes.
fn word(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

fn refused(error: &sqlx::Error, user: &str) -> String {
    let said = message(error);
    match super::super::error::number(error) {
        Some(1044 | 1045 | 1142 | 1227) => format!(
            "the user {user} may make no scratch databases ({said}): a grant of all rights on `muster\\_scratch\\_%`.* lets it"
        ),
        _ => not_made(&said),
    }
}
