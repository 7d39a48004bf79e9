//! The migrations' statements, each with the table that it is about.
//!
//! Migrations are written by us in a plain style: statements end with `;` at a line's end and begin with one of a few
//! phrases. A test holds every migration against this.

/// A statement of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    pub(super) table: &'a str,
    pub(super) sql: &'a str,
}

/// The statements of a migration, in order; `None` for one that is about no table that we could tell.
pub(super) fn statements(migration: &str) -> Vec<Option<Statement<'_>>> {
    pieces(migration)
        .map(|sql| table_of(sql).map(|table| Statement { table, sql }))
        .collect()
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

fn table_of(sql: &str) -> Option<&str> {
    let body = body(sql);
    let mut words = body
        .split(|c: char| c.is_whitespace() || c == '(')
        .filter(|word| !word.is_empty());
    match words.next()? {
        "create" => match words.next()? {
            "table" => words.next(),
            "index" => words.nth(2),
            "unique" => words.nth(3),
            _ => None,
        },
        "alter" | "drop" => (words.next()? == "table").then(|| words.next())?,
        "insert" | "delete" => words.nth(1),
        "update" => words.next(),
        _ => None,
    }
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
        let sql = "-- What a; semicolon\n-- in a comment;\ncreate table a (x text);\n\n\
            create unique index a_x on a (x) where x <> ';';\nalter table b add column y text;\n\
            insert into c (x) values (1);\nupdate d set x = 1;\n";
        let tables: Vec<_> = statements(sql).into_iter().map(|s| s.unwrap().table).collect();
        assert_eq!(tables, ["a", "a", "b", "c", "d"]);
    }

    #[test]
    fn every_statement_of_every_migration_is_understood() {
        for migrator in [&migrate::SQLITE, &migrate::SQLITE_TELEMETRY, &migrate::POSTGRES] {
            for step in migrator.iter() {
                for statement in statements(step.sql.as_str()) {
                    assert!(
                        statement.is_some(),
                        "a statement of migration {} is about no table: write it in the plain style that \
                         db/survey/statement.rs describes, or teach it",
                        step.version
                    );
                }
            }
        }
    }
}
