//! MySQL's and MariaDB's DDL.
//!
//! A text doesn't say which of the two it is for. What they do differently with the same text (names that nobody gave,
//! `json`, a check that stands with a column) stays as it was written here; `crate::plan` settles it by the server that
//! the other side comes from.

mod alter;
mod column;
mod data_type;
mod finish;
mod index;
mod partition;
mod routine;
mod statements;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use data_type::data_type;
pub(crate) use partition::{definition, described, partition_by};
pub(crate) use routine::{EventHead, canonical, event_of, every, trigger_of};

use column::column;

use super::{Cursor, Splitting, Tok, Unreadable};
use crate::{
    Dialect, Schema,
    model::{Expression, Name},
    normalise::{Node, mysql::expression},
    split::SplitError,
};

/// A schema that is being read.
pub(super) struct Reader {
    schema: Schema,
}

/// Reads a text.
pub(super) fn read(text: &str, split: Splitting) -> Result<Schema, Unreadable> {
    let text = &*statements::laid_open(text);
    let statements = match split(Dialect::MySql, text) {
        // Files that a server gave out have no DELIMITER around their routines; the server knows where they end.
        Err(SplitError::NeedsDelimiter { .. }) => statements::split_by_blocks(text)?,
        other => other?,
    };
    let mut reader = Reader {
        schema: Schema::empty(Dialect::MySql),
    };
    let mut later = Vec::new();
    for statement in &statements {
        let cursor = Cursor::new(Dialect::MySql, statement.text, statement.line)?;
        later.push((rank(&cursor), cursor));
    }
    // A person may write an index before its table; nothing else depends on the order.
    later.sort_by_key(|(rank, ..)| *rank);
    for (_, mut cursor) in later {
        reader.statement(&mut cursor)?;
    }
    finish::finish(&mut reader.schema)?;
    Ok(reader.schema)
}

/// What is read first: tables and indexes, then what changes them, then the rest.
fn rank(cursor: &Cursor<'_>) -> u8 {
    if cursor.is_words(&["create", "table"]) || cursor.is_words(&["drop", "table"]) {
        return 0;
    }
    if cursor.is_words(&["alter", "table"]) {
        return 2;
    }
    let makes_index =
        cursor.is_word("create") && (cursor.is_word_ahead(1, "index") || cursor.is_word_ahead(2, "index"));
    if makes_index { 1 } else { 3 }
}

impl Reader {
    fn statement(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        if cursor.is_word("set") {
            return setting(cursor);
        }
        if cursor.take("drop") {
            return self.drop(cursor);
        }
        if cursor.take_words(&["alter", "table"]) {
            return self.alter_table(cursor);
        }
        if !cursor.take("create") {
            return Err(
                cursor.fail("a statement that makes nothing; a schema is made of CREATE and ALTER TABLE")
            );
        }
        let replaces = cursor.take_words(&["or", "replace"]);
        if cursor.take("table") {
            return self.create_table(cursor, replaces);
        }
        if cursor.is_one_of(&["unique", "index", "fulltext", "spatial", "vector"]) {
            return self.create_index(cursor);
        }
        if let Some((key, opaque)) = routine::opaque(cursor)? {
            if self.schema.opaque.insert(key.clone(), opaque).is_some() && !replaces {
                return Err(cursor.fail(format!("a second {key}")));
            }
            return Ok(());
        }
        self.create_view(cursor, replaces)
    }

    /// What dumps drop before they make it.
    fn drop(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let is_view = cursor.take("view");
        if !is_view {
            cursor.need("table")?;
        }
        let careful = cursor.take_words(&["if", "exists"]);
        loop {
            let name = object_name(cursor)?;
            let had = if is_view {
                self.schema.views.remove(&name).is_some()
            } else {
                self.schema.tables.remove(&name).is_some()
            };
            if !had && !careful {
                return Err(cursor.fail(format!("{name}, which the text has not made")));
            }
            if !cursor.take_mark(",") {
                return cursor.end();
            }
        }
    }
}

/// `set …`: settings of the session, unless one changes what the statements after it mean.
fn setting(cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
    const MEANING: &[&str] = &[
        "ansi",
        "ansi_quotes",
        "pipes_as_concat",
        "no_backslash_escapes",
        "ignore_space",
    ];
    cursor.need("set")?;
    let mut changes = cursor.is_one_of(&["password", "role", "default", "global", "persist"]);
    while let Some(tok) = cursor.next() {
        if let Tok::Str(text) | Tok::Word(text) = tok {
            let text = text.to_ascii_lowercase();
            changes |= text.split(',').any(|mode| MEANING.contains(&mode.trim()));
            changes |= text.contains("default_storage_engine") || text.contains("collation_");
        }
    }
    if changes {
        return Err(cursor.fail("a setting that may change what the statements after it mean; leave it out"));
    }
    Ok(())
}

/// The name of a table or view.
pub(super) fn object_name(cursor: &mut Cursor<'_>) -> Result<Name, Unreadable> {
    let (database, name) = cursor.qualified()?;
    match database {
        Some(database) => Err(cursor.fail(format!(
            "{database}.{name} names a database; a schema is of one database: leave {database} out"
        ))),
        None => Ok(Name::new("", name)),
    }
}

/// `(expression)`
pub(super) fn bracketed(cursor: &mut Cursor<'_>) -> Result<(Expression, Node), Unreadable> {
    cursor.need_mark("(")?;
    let from = cursor.position();
    let node = expression(cursor)?;
    let text = cursor.text_since(from);
    cursor.need_mark(")")?;
    Ok((Expression::new(text), node))
}

/// A name that may be written as a string: of a character set, a collation, an engine.
pub(super) fn word(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    match cursor.next() {
        Some(Tok::Word(word) | Tok::Quoted(word) | Tok::Str(word) | Tok::Number(word)) => Ok(word),
        _ => Err(cursor.expected("a name")),
    }
}

/// What it was called before: an annotation in one of the comments.
pub(super) fn renamed_from<'a>(comments: impl Iterator<Item = &'a str>) -> Option<String> {
    super::postgres::renamed_from(comments).map(|name| name.trim_matches('`').to_owned())
}

/// Names of parts of a table are the same in any case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
