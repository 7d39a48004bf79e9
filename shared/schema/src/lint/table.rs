//! What a rule sees of a table that a text makes.

use std::collections::BTreeMap;

use crate::{
    Dialect, Schema, Statement,
    model::{self, Index, Name},
    read::{Tok, token::tokens},
};

/// A table, as the whole text leaves it.
pub(in crate::lint) struct Table<'a> {
    pub(in crate::lint) dialect: Dialect,
    pub(in crate::lint) name: &'a Name,
    pub(in crate::lint) of: &'a model::Table,
}

/// Where in a table something is.
#[derive(Debug, Clone, Copy)]
pub(in crate::lint) enum Place<'a> {
    /// The table itself.
    Table,
    /// A column's definition.
    Column(&'a str),
    /// An index or a constraint.
    Named(&'a str),
}

impl Table<'_> {
    /// Its indexes; MySQL's unique keys are among them.
    pub(in crate::lint) fn indexes(&self) -> impl Iterator<Item = (&String, &Index)> {
        self.of.indexes.iter()
    }
}

/// The tables that a text makes, as far as it can be read, each with the statement that makes it.
///
/// If all of what makes things can be read together, a table has everything that later statements say of it; else each
/// `create table` is read by itself.
pub(super) fn made<'a>(
    dialect: Dialect,
    statements: &'a [Statement<'a>],
) -> Vec<(Name, model::Table, &'a Statement<'a>)> {
    let makes = |statement: &&Statement<'_>| {
        let words = first_words(dialect, statement.text);
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        matches!(word(0), "create" | "comment") || (word(0), word(1)) == ("alter", "table")
    };
    let is_table = |statement: &&Statement<'_>| {
        let words = first_words(dialect, statement.text);
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        word(0) == "create" && (word(1) == "table" || (word(1) == "unlogged" && word(2) == "table"))
    };
    let whole = read_all(dialect, statements.iter().filter(makes));
    let mut found = BTreeMap::new();
    for statement in statements.iter().filter(is_table) {
        let names = |schema: &Schema| schema.tables.keys().cloned().collect::<Vec<_>>();
        let Some(own) = read_all(dialect, [statement]) else {
            // It needs what others make (a type, a table that it is like).
            if let Some(whole) = &whole {
                for name in names(whole) {
                    if first_words(dialect, statement.text).contains(&name.name.to_ascii_lowercase()) {
                        found.entry(name).or_insert(statement);
                    }
                }
            }
            continue;
        };
        for name in names(&own) {
            found.entry(name).or_insert(statement);
        }
    }
    let alone =
        |name: &Name, statement: &Statement<'_>| read_all(dialect, [statement])?.tables.get(name).cloned();
    found
        .into_iter()
        .filter_map(|(name, statement)| {
            let table = whole
                .as_ref()
                .and_then(|whole| whole.tables.get(&name).cloned())
                .or_else(|| alone(&name, statement))?;
            Some((name, table, statement))
        })
        .collect()
}

/// The schema that statements make together.
fn read_all<'a>(dialect: Dialect, statements: impl IntoIterator<Item = &'a Statement<'a>>) -> Option<Schema> {
    let text = crate::canonical(statements.into_iter().map(|statement| statement.text));
    crate::read(dialect, &text).ok()
}

/// The statement's first words and names, in lower case.
fn first_words(dialect: Dialect, text: &str) -> Vec<String> {
    let end = text
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| *at <= 400)
        .last()
        .unwrap_or(0);
    let head = if text.len() > 400 { &text[..end] } else { text };
    let found = tokens(dialect, head).or_else(|_| tokens(dialect, text));
    found.map_or_else(
        |_| Vec::new(),
        |(all, _)| {
            all.into_iter()
                .filter_map(|token| match token.tok {
                    Tok::Word(word) | Tok::Quoted(word) => Some(word.to_ascii_lowercase()),
                    _ => None,
                })
                .take(8)
                .collect()
        },
    )
}

/// The line of a place in the statement: that of the first time that its name is said, else the statement's own.
pub(super) fn line_of(dialect: Dialect, statement: &Statement<'_>, place: Place<'_>) -> u32 {
    let name = match place {
        Place::Table => return statement.line,
        Place::Column(name) | Place::Named(name) => name,
    };
    let Ok((all, _)) = tokens(dialect, statement.text) else {
        return statement.line;
    };
    // The table's own name may be the same word.
    let open = all
        .iter()
        .position(|token| matches!(&token.tok, Tok::Mark(mark) if mark == "("))
        .unwrap_or(0);
    let found = all[open..].iter().find(|token| match &token.tok {
        Tok::Word(word) => word.eq_ignore_ascii_case(name),
        Tok::Quoted(word) => word == name,
        Tok::Str(_) | Tok::Number(_) | Tok::Mark(_) => false,
    });
    found.map_or(statement.line, |token| {
        let above = statement.text.get(..token.start).unwrap_or_default();
        statement.line + u32::try_from(above.matches('\n').count()).unwrap_or(0)
    })
}
