//! Many rows in one statement.
//!
//! PostgreSQL takes each column as one array (`unnest`): the statement is the same for one row and for thousands, so
//! it is parsed and planned once for each connection, and sent with a handful of parameters. SQLite has no arrays, and
//! takes lists of `values` in pages; it is in this process, where parsing costs little.

use std::ops::Range;

use sqlx::{AssertSqlSafe, Postgres, QueryBuilder, Sqlite, Transaction};
use uuid::Uuid;

use super::{DbError, Tx};

/// Rows that go into one statement of SQLite: below its limit of parameters by far.
const SQLITE_ROWS: usize = 256;
/// Rows that go into one statement of PostgreSQL…
const POSTGRES_ROWS: usize = 4_096;
/// …and bytes of them, more or less: both sides hold them twice.
const POSTGRES_BYTES: usize = 16 << 20;

/// A column of the rows, a value for each of them.
#[derive(Debug)]
pub enum Column<'a> {
    /// `uuid`
    Ids(Vec<Uuid>),
    /// `bigint`
    Numbers(Vec<i64>),
    /// `bigint`, where there may be none
    SomeNumbers(Vec<Option<i64>>),
    /// `integer`
    Codes(Vec<i32>),
    /// `boolean`
    Flags(Vec<bool>),
    /// `text`
    Texts(Vec<&'a str>),
    /// `bytea`
    Bytes(Vec<&'a [u8]>),
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Ids(all) => all.len(),
            Self::Numbers(all) => all.len(),
            Self::SomeNumbers(all) => all.len(),
            Self::Codes(all) => all.len(),
            Self::Flags(all) => all.len(),
            Self::Texts(all) => all.len(),
            Self::Bytes(all) => all.len(),
        }
    }

    /// What a row's value takes, where that may be much.
    fn bytes(&self, row: usize) -> usize {
        match self {
            Self::Texts(all) => all[row].len(),
            Self::Bytes(all) => all[row].len(),
            Self::Ids(_) | Self::Numbers(_) | Self::SomeNumbers(_) | Self::Codes(_) | Self::Flags(_) => 8,
        }
    }

    fn array(&self) -> &'static str {
        match self {
            Self::Ids(_) => "uuid[]",
            Self::Numbers(_) | Self::SomeNumbers(_) => "bigint[]",
            Self::Codes(_) => "integer[]",
            Self::Flags(_) => "boolean[]",
            Self::Texts(_) => "text[]",
            Self::Bytes(_) => "bytea[]",
        }
    }
}

impl Tx {
    /// Inserts rows: `into` is `insert into table (names of the columns)`, `conflict` what follows the rows. No two of
    /// them may have one key if `conflict` updates.
    pub async fn insert_rows(
        &mut self,
        into: &str,
        columns: &[Column<'_>],
        conflict: &str,
    ) -> Result<(), DbError> {
        debug_assert!(columns.windows(2).all(|two| two[0].len() == two[1].len()));
        match self {
            Self::Sqlite(tx) => sqlite(tx, into, columns, conflict).await,
            Self::Postgres(tx) => postgres(tx, into, columns, conflict).await,
        }
    }
}

async fn sqlite(
    tx: &mut Transaction<'static, Sqlite>,
    into: &str,
    columns: &[Column<'_>],
    conflict: &str,
) -> Result<(), DbError> {
    let count = columns.first().map_or(0, Column::len);
    for first in (0..count).step_by(SQLITE_ROWS) {
        let mut sql = QueryBuilder::<Sqlite>::new(into);
        sql.push(" ");
        sql.push_values(first..count.min(first + SQLITE_ROWS), |mut row, at| {
            for column in columns {
                match column {
                    Column::Ids(all) => row.push_bind(all[at]),
                    Column::Numbers(all) => row.push_bind(all[at]),
                    Column::SomeNumbers(all) => row.push_bind(all[at]),
                    Column::Codes(all) => row.push_bind(all[at]),
                    Column::Flags(all) => row.push_bind(all[at]),
                    Column::Texts(all) => row.push_bind(all[at]),
                    Column::Bytes(all) => row.push_bind(all[at]),
                };
            }
        });
        sql.push(" ").push(conflict);
        sql.build().execute(&mut **tx).await?;
    }
    Ok(())
}

async fn postgres(
    tx: &mut Transaction<'static, Postgres>,
    into: &str,
    columns: &[Column<'_>],
    conflict: &str,
) -> Result<(), DbError> {
    let arrays: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| format!("${}::{}", number + 1, column.array()))
        .collect();
    let sql = format!("{into} select * from unnest({}) {conflict}", arrays.join(", "));
    for page in pages(columns) {
        // Columns and conflicts are written in our stores; nothing of the rows is in the text.
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for column in columns {
            query = match column {
                Column::Ids(all) => query.bind(&all[page.clone()]),
                Column::Numbers(all) => query.bind(&all[page.clone()]),
                Column::SomeNumbers(all) => query.bind(&all[page.clone()]),
                Column::Codes(all) => query.bind(&all[page.clone()]),
                Column::Flags(all) => query.bind(&all[page.clone()]),
                Column::Texts(all) => query.bind(&all[page.clone()]),
                Column::Bytes(all) => query.bind(&all[page.clone()]),
            };
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

/// The rows of each statement of PostgreSQL; a row that is larger than a page is one by itself.
fn pages(columns: &[Column<'_>]) -> Vec<Range<usize>> {
    let count = columns.first().map_or(0, Column::len);
    let (mut pages, mut first, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..count {
        let more: usize = columns.iter().map(|column| column.bytes(row)).sum();
        if row > first && (row - first == POSTGRES_ROWS || bytes + more > POSTGRES_BYTES) {
            pages.push(first..row);
            (first, bytes) = (row, 0);
        }
        bytes += more;
    }
    if first < count {
        pages.push(first..count);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_so_many_rows_or_so_many_bytes() {
        let many = Column::Numbers(vec![1; 10_000]);
        assert_eq!(pages(&[many]), [0..4_096, 4_096..8_192, 8_192..10_000]);
        let large = vec![0; 10 << 20];
        let frames = Column::Bytes(vec![&large[..], &[], &large, &large]);
        assert_eq!(pages(&[frames]), [0..2, 2..3, 3..4]);
        assert!(pages(&[Column::Texts(Vec::new())]).is_empty());
        assert!(pages(&[]).is_empty());
    }
}
