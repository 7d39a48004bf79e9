//! MySQL and MariaDB.

mod code;
mod columns;
mod constraints;
mod queries;
mod tables;

pub(super) use queries::QUERIES;

use super::{Answers, Rows};
use crate::{
    Dialect, Schema, Unreadable,
    model::{Name, Server},
};

/// The schema being put together, and what all parts need of the answers.
struct Assembly<'a> {
    schema: Schema,
    answers: &'a Answers,
    database: String,
    is_mariadb: bool,
}

/// What the answers say.
pub(super) fn assemble(answers: &Answers) -> Result<Schema, Unreadable> {
    let mut assembly = Assembly {
        schema: Schema::empty(Dialect::MySql),
        answers,
        database: String::new(),
        is_mariadb: false,
    };
    assembly.server()?;
    assembly.tables()?;
    assembly.columns()?;
    assembly.indexes()?;
    assembly.foreign_keys()?;
    assembly.checks()?;
    assembly.partitions()?;
    assembly.views()?;
    assembly.triggers()?;
    assembly.events()?;
    assembly.routines()?;
    Ok(assembly.schema)
}

impl<'a> Assembly<'a> {
    fn rows(&self, query: &str) -> Result<&'a Rows, Unreadable> {
        self.answers
            .get(query)
            .ok_or_else(|| Unreadable::of(format!("the query {query}"), "it was not asked"))
    }

    fn server(&mut self) -> Result<(), Unreadable> {
        let [row] = self.rows("server")?.as_slice() else {
            return Err(Unreadable::of("the connection", "it is in no database"));
        };
        let row = Row(row);
        let mut server = Server {
            version: row.text(0)?.to_owned(),
            lower_case_names: row.get(4).is_some_and(|setting| setting != "0"),
            ..Server::default()
        };
        for charset in self.rows("charsets")? {
            let charset = Row(charset);
            if let Some(collation) = charset.get(1) {
                server
                    .collations
                    .insert(charset.text(0)?.to_owned(), collation.to_owned());
            }
        }
        self.is_mariadb = server.is_mariadb();
        row.text(1)?.clone_into(&mut self.database);
        self.schema.charset = row.get(2).map(str::to_owned);
        self.schema.collation = row.get(3).map(str::to_owned);
        self.schema.server = Some(server);
        Ok(())
    }
}

/// A row of an answer.
#[derive(Clone, Copy)]
struct Row<'a>(&'a [Option<String>]);

impl<'a> Row<'a> {
    /// A cell, unless it is null or missing.
    fn get(self, column: usize) -> Option<&'a str> {
        self.0.get(column)?.as_deref()
    }

    /// A cell that is never null.
    fn text(self, column: usize) -> Result<&'a str, Unreadable> {
        self.get(column)
            .ok_or_else(|| Unreadable::of("an answer", format!("column {column} is null: {:?}", self.0)))
    }

    /// A cell with something in it.
    fn some(self, column: usize) -> Option<&'a str> {
        self.get(column).filter(|text| !text.is_empty())
    }

    /// A table's name.
    fn table(self, column: usize) -> Result<Name, Unreadable> {
        Ok(Name::new("", self.text(column)?))
    }
}
