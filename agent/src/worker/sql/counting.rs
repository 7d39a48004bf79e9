//! How many rows an update or delete would touch, asked in a transaction that may write nothing. The statement itself is only
//! read: what is asked is made of its table and its condition here ([`muster_schema::row_change`]).

use std::time::Duration;

use muster_base::SecretString;
use muster_protocol::latest::{DbDialect, SqlTarget};
use muster_schema::row_change;

use super::{check::dialect, mysql, postgres, scrub};

/// Whatever is wished, it takes no longer.
const LONGEST: Duration = Duration::from_secs(30);

/// The number of rows, or why there is none. An error tells no password.
pub async fn count_rows(
    target: &SqlTarget,
    password: &SecretString,
    statement: &str,
    limit: Duration,
) -> Result<u64, String> {
    let change = row_change(dialect(target.dialect), statement)
        .map_err(|why| format!("its rows can't be counted: {why}"))?
        .ok_or("its rows can't be counted: it touches none that are there")?;
    let limit = limit.clamp(Duration::from_millis(1), LONGEST);
    let counted = match target.dialect {
        DbDialect::Postgres => postgres::count(target, password, &change.count(), limit).await,
        DbDialect::MySql => mysql::count(target, password, &change.count(), limit).await,
    };
    counted
        .map(|rows| u64::try_from(rows).unwrap_or(0))
        .map_err(|error| scrub(&error.to_string(), password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sql::testing::scratch::Scratch;

    async fn is_counted(kind: DbDialect) {
        let mut db = Scratch::new(kind).await;
        db.sql("create table t (id int primary key, n int); insert into t values (1, 1), (2, 1), (3, 2)")
            .await;
        let target = db.spec(&["select 1"]).target;
        let count =
            async |sql: &str| count_rows(&target, &db.server.password, sql, Duration::from_secs(10)).await;
        assert_eq!(count("delete from t where n = 1 -- ones").await, Ok(2));
        assert_eq!(count("update t as x set n = 5").await, Ok(3));
        let why = count("delete from missing where n = 1").await.unwrap_err();
        assert!(why.contains("missing"), "{why}");
        let why = count("delete from t where n = 1 limit 1").await.unwrap_err();
        assert!(why.contains("can't be counted"), "{why}");
        assert_eq!(db.number("select count(*) from t").await, 3);
        db.drop().await;
    }

    #[tokio::test]
    async fn rows_are_counted_and_none_is_touched_on_postgres() {
        is_counted(DbDialect::Postgres).await;
    }

    #[tokio::test]
    async fn rows_are_counted_and_none_is_touched_on_mariadb() {
        is_counted(DbDialect::MySql).await;
    }
}
