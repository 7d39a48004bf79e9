//! A database's catalogue, asked and told in parts.
//!
//! The questions are those of `muster_schema::catalogue`. They are asked in one transaction that sees one state and may write
//! nothing; no row is kept longer than until its part is full.

use muster_base::SecretString;
use muster_protocol::latest::{DbDialect, SchemaRows, SqlTarget};
use tokio::sync::mpsc;

use super::{SqlError, error::message, mysql, postgres, scrub};

/// Of answers in all. The catalogue of ten thousand tables is a third of this.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Of rows that travel together; a frame holds four times as much.
const PART_BYTES: usize = 256 * 1024;
/// Of one row: the text of a view or a routine.
const MAX_ROW_BYTES: usize = 640 * 1024;
/// What a cell and a row weigh besides their texts.
const CELL_BYTES: usize = 8;
/// A question may take no longer, in the server. The worker waits a little longer for all of them.
pub(super) const QUESTION_MS: u64 = 45_000;

/// Why a catalogue was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadingError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] SqlError),
    /// The server doesn't answer a question.
    #[error("the catalogue can't be read: {0}")]
    Server(String),
    /// There is too much of it.
    #[error("the catalogue is larger than {} MiB", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// One row does not travel.
    #[error("a definition in the catalogue is larger than {} KiB", MAX_ROW_BYTES / 1024)]
    LongRow,
    /// Nobody listens any more.
    #[error("nobody listens")]
    Left,
}

impl From<sqlx::Error> for ReadingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Server(message(&error))
    }
}

/// Answers on their way out.
pub(super) struct Parts {
    out: mpsc::Sender<SchemaRows>,
    now: SchemaRows,
    bytes: usize,
    total: usize,
}

impl Parts {
    /// The rows that follow answer this question.
    pub(super) fn begin(&mut self, query: &str) {
        self.now = SchemaRows {
            query: query.to_owned(),
            rows: Vec::new(),
        };
        self.bytes = 0;
    }

    pub(super) async fn push(&mut self, row: Vec<Option<String>>) -> Result<(), ReadingError> {
        let texts = row.iter().flatten().map(String::len).sum::<usize>();
        let bytes = texts + CELL_BYTES * (row.len() + 1);
        self.total += bytes;
        if bytes > MAX_ROW_BYTES {
            return Err(ReadingError::LongRow);
        }
        if self.total > MAX_BYTES {
            return Err(ReadingError::TooLarge);
        }
        if self.bytes + bytes > PART_BYTES && !self.now.rows.is_empty() {
            self.send().await?;
        }
        self.bytes += bytes;
        self.now.rows.push(row);
        Ok(())
    }

    /// The question is answered; one without rows is told too.
    pub(super) async fn end(&mut self) -> Result<(), ReadingError> {
        self.send().await
    }

    async fn send(&mut self) -> Result<(), ReadingError> {
        let part = SchemaRows {
            query: self.now.query.clone(),
            rows: std::mem::take(&mut self.now.rows),
        };
        self.bytes = 0;
        self.out.send(part).await.map_err(|_| ReadingError::Left)
    }
}

/// Asks everything and tells it to `out`; the server's version. An error tells no password.
pub async fn read_catalogue(
    target: &SqlTarget,
    password: &SecretString,
    out: mpsc::Sender<SchemaRows>,
) -> Result<String, String> {
    let mut parts = Parts {
        out,
        now: SchemaRows {
            query: String::new(),
            rows: Vec::new(),
        },
        bytes: 0,
        total: 0,
    };
    let read = match target.dialect {
        DbDialect::Postgres => postgres::catalogue_rows(target, password, &mut parts).await,
        DbDialect::MySql => mysql::catalogue_rows(target, password, &mut parts).await,
    };
    read.map_err(|error| scrub(&error.to_string(), password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::sql::testing::scratch::Scratch;

    fn parts() -> (Parts, mpsc::Receiver<SchemaRows>) {
        let (out, told) = mpsc::channel(1_000);
        let now = SchemaRows {
            query: String::new(),
            rows: Vec::new(),
        };
        let parts = Parts {
            out,
            now,
            bytes: 0,
            total: 0,
        };
        (parts, told)
    }

    #[tokio::test]
    async fn what_is_long_travels_in_parts_and_what_is_too_long_does_not() {
        let (mut parts, mut told) = parts();
        parts.begin("columns");
        for _ in 0..100 {
            parts.push(vec![Some("x".repeat(10_000)), None]).await.unwrap();
        }
        parts.end().await.unwrap();
        let mut rows = 0;
        while let Ok(part) = told.try_recv() {
            let bytes: usize = part.rows.iter().flatten().flatten().map(String::len).sum();
            assert!(bytes <= PART_BYTES && part.query == "columns");
            rows += part.rows.len();
        }
        assert_eq!(rows, 100);
        let long = parts.push(vec![Some("x".repeat(MAX_ROW_BYTES))]).await;
        assert!(matches!(long, Err(ReadingError::LongRow)));
        parts.total = MAX_BYTES;
        assert!(matches!(
            parts.push(vec![None]).await,
            Err(ReadingError::TooLarge)
        ));
    }

    async fn is_read(kind: DbDialect) {
        use muster_schema::{Dialect, catalogue};
        let mut db = Scratch::new(kind).await;
        db.sql("create table shop (id int primary key, name varchar(20) not null)")
            .await;
        let target = db.spec(&["select 1"]).target;
        let (out, mut told) = mpsc::channel(100);
        let version = read_catalogue(&target, &db.server.password, out).await.unwrap();
        assert!(version.contains(' '), "{version}");
        let mut answers = catalogue::Answers::new();
        while let Ok(part) = told.try_recv() {
            answers.entry(part.query).or_default().extend(part.rows);
        }
        let dialect = match kind {
            DbDialect::Postgres => Dialect::Postgres,
            DbDialect::MySql => Dialect::MySql,
        };
        let schema = catalogue::assemble(dialect, &answers).unwrap();
        let tables: Vec<&str> = schema.tables.keys().map(|name| name.name.as_str()).collect();
        assert_eq!(tables, ["shop"]);
        let nobody = SecretString::from("wrong-and-secret".to_owned());
        let error = read_catalogue(&target, &nobody, mpsc::channel(1).0)
            .await
            .unwrap_err();
        assert!(!error.contains("wrong-and-secret"), "{error}");
        db.drop().await;
    }

    #[tokio::test]
    async fn a_catalogue_of_postgres_is_read() {
        is_read(DbDialect::Postgres).await;
    }

    #[tokio::test]
    async fn a_catalogue_of_mariadb_is_read() {
        is_read(DbDialect::MySql).await;
    }
}
