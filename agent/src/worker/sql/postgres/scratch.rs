//! Scratch databases: made from `template0` with the target's encoding and locale.

use muster_base::SecretString;
use muster_protocol::latest::SqlTarget;
use sqlx::{AssertSqlSafe, PgConnection};

use super::session::{Session, quoted};
use crate::worker::sql::{
    error::message,
    proving::{Found, PREFIX, in_time, not_made},
};

/// Makes one and marks it. The error is for a person.
pub(in super::super) async fn make_scratch(
    target: &SqlTarget,
    password: &SecretString,
    name: &str,
    mark: &str,
) -> Result<(), String> {
    let mut session = connected(target, password).await?;
    let made = in_time(make(&mut session.conn, name, mark)).await;
    session.close().await;
    made?.map_err(|error| refused(&error, &target.username))
}

async fn make(conn: &mut PgConnection, name: &str, mark: &str) -> Result<(), sqlx::Error> {
    // The server gives up before we do: what it makes after that, nobody would know of.
    sqlx::raw_sql("set statement_timeout = '50s'")
        .execute(&mut *conn)
        .await?;
    // What a server of this version does not have is not in the row.
    let (encoding, collate, ctype, provider, locale): (String, String, String, String, Option<String>) =
        sqlx::query_as(
            "select pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text,
             coalesce(to_jsonb(d)->>'datlocprovider', 'c'),
             coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale')
         from pg_catalog.pg_database d where d.datname = current_database()",
        )
        .fetch_one(&mut *conn)
        .await?;
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let mut sql = format!(
        "create database {} template template0 encoding {} lc_collate {} lc_ctype {}",
        quoted(name),
        text(&encoding),
        text(&collate),
        text(&ctype)
    );
    let provider = match provider.as_str() {
        "i" => " locale_provider icu icu_locale ",
        "b" => " locale_provider builtin builtin_locale ",
        _ => "",
    };
    if let Some(locale) = locale.filter(|_| !provider.is_empty()) {
        sql.push_str(provider);
        sql.push_str(&text(&locale));
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    let sql = format!("comment on database {} is {}", quoted(name), text(mark));
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await {
        drop_it(conn, name).await?;
        return Err(error);
    }
    Ok(())
}

/// Drops one, whoever is still in there.
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

async fn drop_it(conn: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let sql = format!("drop database if exists {} with (force)", quoted(name));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
}

/// Those that are there, with their marks.
pub(in super::super) async fn find_scratch(
    admin: &SqlTarget,
    password: &SecretString,
) -> Result<Vec<Found>, String> {
    let mut session = connected(admin, password).await?;
    let found = sqlx::query_as(
        "select datname::text, shobj_description(oid, 'pg_database') from pg_catalog.pg_database
         where left(datname::text, length($1)) = $1",
    )
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

fn refused(error: &sqlx::Error, user: &str) -> String {
    let said = message(error);
    match error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .as_deref()
    {
        Some("42501") => format!(
            "the user {user} may make no databases ({said}): `alter role {} createdb` lets it",
            quoted(user)
        ),
        _ => not_made(&said),
    }
}
