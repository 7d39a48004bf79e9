//! PostgreSQL's catalogue. What the server deparses is read by the same readers that read people's DDL.

mod code;
mod queries;
mod table;
mod types;

use super::{Answers, Rows};
use crate::{
    Dialect, Schema, Unreadable,
    model::Name,
    read::{Cursor, postgres::Reader},
};

pub(in crate::catalogue) use queries::QUERIES;

/// What the answers say.
pub(super) fn assemble(answers: &Answers) -> Result<Schema, Unreadable> {
    for query in QUERIES {
        if !answers.contains_key(query.name) {
            return Err(Unreadable::of(query.name, "this query's answer is missing"));
        }
    }
    let mut reader = Reader::new();
    reader.schema.namespaces.clear();
    types::namespaces(&mut reader, answers)?;
    types::types(&mut reader, answers)?;
    table::sequences(&mut reader, answers)?;
    table::tables(&mut reader, answers)?;
    table::views(&mut reader, answers)?;
    table::indexes(&mut reader, answers)?;
    code::opaque(&mut reader, answers)?;
    Ok(reader.finish())
}

/// A row of an answer.
struct Row<'a> {
    query: &'static str,
    cells: &'a [Option<String>],
}

/// The rows of an answer.
fn rows<'a>(answers: &'a Answers, query: &'static str) -> impl Iterator<Item = Row<'a>> {
    let rows: &[Vec<Option<String>>] = answers.get(query).map_or(&[], Rows::as_slice);
    rows.iter().map(move |cells| Row { query, cells })
}

impl Row<'_> {
    /// A cell that is never null.
    fn text(&self, at: usize) -> Result<&str, Unreadable> {
        self.find(at)
            .ok_or_else(|| Unreadable::of(self.query, format!("column {at} is missing or null")))
    }

    /// A cell that may be null.
    fn find(&self, at: usize) -> Option<&str> {
        self.cells.get(at)?.as_deref()
    }

    fn owned(&self, at: usize) -> Option<String> {
        self.find(at).map(str::to_owned)
    }

    fn is(&self, at: usize) -> Result<bool, Unreadable> {
        Ok(matches!(self.text(at)?, "true" | "t"))
    }

    fn number(&self, at: usize) -> Result<i64, Unreadable> {
        let text = self.text(at)?;
        text.parse()
            .map_err(|_| Unreadable::of(self.query, format!("{text} is no number")))
    }

    /// Namespace and name in the first two columns, or from another on.
    fn name(&self, at: usize) -> Result<Name, Unreadable> {
        Ok(Name::new(self.text(at)?, self.text(at + 1)?))
    }
}

/// Reads what the server wrote of an object, to its end.
fn parse<T>(
    object: impl std::fmt::Display,
    text: &str,
    reader: impl FnOnce(&mut Cursor<'_>) -> Result<T, Unreadable>,
) -> Result<T, Unreadable> {
    let read = || {
        let mut cursor = Cursor::new(Dialect::Postgres, text, 1)?;
        let found = reader(&mut cursor)?;
        cursor.end()?;
        Ok(found)
    };
    read().map_err(|error: Unreadable| Unreadable::of(object, format!("{error}, in: {text}")))
}

/// A collation in two columns; the server's own have no namespace.
fn collation(row: &Row<'_>, at: usize) -> Option<Name> {
    let namespace = row.find(at)?;
    let namespace = if namespace == "pg_catalog" { "" } else { namespace };
    Some(Name::new(namespace, row.find(at + 1)?))
}
