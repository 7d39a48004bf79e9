//! The channel that control planes talk on: PostgreSQL's `LISTEN` and `NOTIFY`.

use sqlx::{PgPool, postgres::PgListener};

use crate::db::DbError;

const CHANNEL: &str = "muster";

/// Hears what is said on the channel from now on, over a connection of its own.
pub(in crate::peers) struct Ear(PgListener);

impl Ear {
    pub(in crate::peers) async fn open(pool: &PgPool) -> Result<Self, DbError> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next message; `None` when the connection was lost, and messages with it.
    pub(in crate::peers) async fn next(&mut self) -> Result<Option<String>, DbError> {
        let heard = self.0.try_recv().await?;
        Ok(heard.map(|notice| notice.payload().to_owned()))
    }
}

/// Says these messages, in this order.
pub(in crate::peers) async fn say(pool: &PgPool, messages: &[String]) -> Result<(), DbError> {
    const SQL: &str = "select pg_notify($1, value) from unnest($2::text[]) as said(value)";
    sqlx::query(SQL)
        .bind(CHANNEL)
        .bind(messages)
        .execute(pool)
        .await?;
    Ok(())
}

/// As [`say`], once the transaction is committed.
pub(in crate::peers) async fn say_in(
    tx: &mut sqlx::Transaction<'static, sqlx::Postgres>,
    messages: &[String],
) -> Result<(), DbError> {
    const SQL: &str = "select pg_notify($1, value) from unnest($2::text[]) as said(value)";
    sqlx::query(SQL)
        .bind(CHANNEL)
        .bind(messages)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
