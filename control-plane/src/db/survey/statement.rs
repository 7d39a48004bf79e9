//! The migrations' statements, each with the table that it is about.
//!
//! Migrations are written by us in a plain style: statements end with `;` at a line's end and begin with one of a few
//! phrases. A test holds every migration against this.

use std::collections::BTreeMap;

/// A statement of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    pub(super) table: &'a str,
    pub(super) sql: &'a str,
}

/// The statements of migrations, in order; the text of one that is about no table that we could tell.
pub(super) fn statements<'a>(
    migrations: impl IntoIterator<Item = &'a str>,
) -> Vec<Result<Statement<'a>, &'a str>> {
    // An index is dropped by its own name.
    let mut indexes = BTreeMap::new();
    let mut read = |sql: &'a str| {
        let (table, index) = table_of(sql, &indexes).ok_or(sql)?;
        if let Some(index) = index {
            indexes.insert(index, table);
        }
        Ok(Statement { table, sql })
    };
    migrations.into_iter().flat_map(pieces).map(&mut read).collect()
}

/// The text between semicolons that end a line; comments before a statement stay with it.
fn pieces(migration: &str) -> impl Iterator<Item = &str> {
    let mut rest = migration;
    std::iter::from_fn(move || {
        let mut from = 0;
        loop {
            let (piece, after) = match rest[from..].find(";\n") {
                Some(at) => (&rest[..from + at], &rest[from + at + 2..]),
                None if rest.trim().is_empty() => return None,
                None => (rest.trim_end().trim_end_matches(';'), ""),
            };
            // A comment may end with a semicolon.
            let last_line = piece.rsplit('\n').next().unwrap_or_default();
            if last_line.contains("--") && !after.is_empty() {
                from = piece.len() + 2;
                continue;
            }
            rest = after;
            if code(piece).is_empty() {
                return None;
            }
            return Some(piece);
        }
    })
}

/// A statement's first words, without the comments before it.
fn code(sql: &str) -> String {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The statement's table, and the index if it makes one.
fn table_of<'a>(sql: &'a str, indexes: &BTreeMap<&str, &'a str>) -> Option<(&'a str, Option<&'a str>)> {
    let body = body(sql);
    let mut words = body
        .split(|c: char| c.is_whitespace() || c == '(')
        .filter(|word| !word.is_empty());
    let table = match words.next()? {
        "create" => {
            let what = words.find(|word| *word != "unique")?;
            let name = words.next()?;
            return match what {
                "table" => Some((name, None)),
                "index" => Some((words.nth(1)?, Some(name))),
                _ => None,
            };
        }
        "alter" | "drop" => match words.next()? {
            "table" => words.next(),
            "index" => indexes.get(words.next()?).copied(),
            _ => None,
        },
        "insert" | "delete" => words.nth(1),
        "update" => words.next(),
        _ => None,
    };
    Some((table?, None))
}

/// The statement from its first line that is no comment.
fn body(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::migrate;

    #[test]
    fn statements_are_told_apart_and_know_their_table() {
        let first = "-- What a; semicolon\n-- in a comment;\ncreate table a (x text);\n\n\
            create unique index a_x on a (x) where x <> ';';\nalter table b add column y text;\n\
            insert into c (x) values (1);\nupdate d set x = 1;\n";
        let second = "drop index a_x;\ncreate index a_y on a (y);\n";
        let read = statements([first, second]);
        let tables: Vec<_> = read.into_iter().map(|read| read.unwrap().table).collect();
        assert_eq!(tables, ["a", "a", "b", "c", "d", "a", "a"]);
        assert_eq!(statements(["drop index b_x"]), [Err("drop index b_x")]);
    }

    #[test]
    fn every_statement_of_every_migration_is_understood() {
        for migrator in [&migrate::SQLITE, &migrate::SQLITE_TELEMETRY, &migrate::POSTGRES] {
            for read in statements(migrator.iter().map(|step| step.sql.as_str())) {
                assert!(
                    read.is_ok(),
                    "about no table: {read:?}: write it in the plain style that db/survey/statement.rs describes, or teach it"
                );
            }
        }
    }
}
