//! Definitions that only define: what they say is kept, and nothing of it is run.
//!
//! Somebody who may run definitions where nobody has approved them (a proof on a scratch database) could otherwise have the server
//! run any query: `create table … as select …` does, `create materialized view` does, and functions inside of views are not seen
//! from outside. So this is a list of what is let through, not of what is kept out: a statement whose head is not on it is
//! not bare.

use crate::{
    Dialect,
    lex::{Kind, words},
};

/// What may stand between `create` and what is created.
const BETWEEN: [&str; 16] = [
    "UNLOGGED",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "OR",
    "REPLACE",
    "ALGORITHM",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
    "SQL",
    "SECURITY",
    "DEFINER",
    "INVOKER",
    "IF",
    "EXISTS",
];
const OBJECTS: [&str; 6] = ["TABLE", "INDEX", "VIEW", "SEQUENCE", "TYPE", "DOMAIN"];
/// MySQL: others keep rows elsewhere, or run programs.
const ENGINES: [&str; 4] = ["INNODB", "MYISAM", "ARIA", "MEMORY"];
/// MySQL: files and servers beside the database.
const ELSEWHERE: [&str; 3] = ["DIRECTORY", "CONNECTION", "TABLESPACE"];

/// Why a statement is not bare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBare {
    /// Its text ends in the middle, or holds a comment that a server runs.
    #[error("can't be read to its end")]
    Unreadable,
    /// Its head is not on the list.
    #[error("is about something else than tables, indexes, views, sequences and types")]
    OtherObject,
    /// It runs a query.
    #[error("runs a query when it is run")]
    RunsQuery,
    /// It reaches files or servers beside the database.
    #[error("keeps something elsewhere than in the database")]
    Elsewhere,
}

/// Everything that stands before a dot in a definition that is bare: names of databases and schemas, and of tables in expressions.
pub fn bare_definition(dialect: Dialect, sql: &str) -> Result<Vec<String>, NotBare> {
    let tokens = words(dialect, sql).map_err(|_| NotBare::Unreadable)?;
    let word = |at: usize| match tokens.get(at) {
        Some((Kind::Word, word)) => word.as_str(),
        _ => "",
    };
    let is_object =
        |word: &str| OBJECTS.contains(&word) || (dialect == Dialect::Postgres && word == "SCHEMA");
    let head = match word(0) {
        "CREATE" => {
            let skipped = tokens.iter().skip(1).take_while(|(kind, text)| match kind {
                Kind::Word => BETWEEN.contains(&text.as_str()),
                Kind::Symbol(symbol) => *symbol == '=',
                Kind::Gap | Kind::QuotedName | Kind::String => false,
            });
            1 + skipped.count()
        }
        "ALTER" | "DROP" => 1,
        "RENAME" if dialect == Dialect::MySql => 1,
        "COMMENT" if word(1) == "ON" => 2,
        _ => return Err(NotBare::OtherObject),
    };
    let is_part = word(0) == "COMMENT" && ["COLUMN", "CONSTRAINT"].contains(&word(head));
    if !(is_object(word(head)) || is_part) {
        return Err(NotBare::OtherObject);
    }
    if word(head) != "VIEW" && runs_a_query(word(0) == "CREATE", head, &word, tokens.len()) {
        return Err(NotBare::RunsQuery);
    }
    if dialect == Dialect::MySql && is_elsewhere(head, &word, &tokens) {
        return Err(NotBare::Elsewhere);
    }
    Ok(before_dots(&tokens))
}

/// `create table … [as] {select | values | table | with | execute} …`
fn runs_a_query<'t>(creates: bool, head: usize, word: &impl Fn(usize) -> &'t str, end: usize) -> bool {
    (head + 1..end).any(|at| match word(at) {
        "SELECT" | "EXECUTE" => true,
        "TABLE" => creates,
        "VALUES" => matches!(word(at - 1), "AS") || word(at + 1) == "ROW",
        "WITH" => word(at - 1) == "AS",
        _ => false,
    })
}

fn is_elsewhere<'t>(head: usize, word: &impl Fn(usize) -> &'t str, tokens: &[(Kind, String)]) -> bool {
    (head + 1..tokens.len()).any(|at| match word(at) {
        "ENGINE" => {
            let value = if matches!(tokens.get(at + 1), Some((Kind::Symbol('='), _))) {
                at + 2
            } else {
                at + 1
            };
            !ENGINES.contains(&word(value))
        }
        other => ELSEWHERE.contains(&other),
    })
}

fn before_dots(tokens: &[(Kind, String)]) -> Vec<String> {
    let dotted = tokens
        .windows(2)
        .filter(|two| matches!(two[1].0, Kind::Symbol('.')));
    dotted
        .filter_map(|two| match two[0].0 {
            Kind::Word => Some(two[0].1.clone()),
            // In MySQL's ANSI mode a string is a name.
            Kind::QuotedName | Kind::String => Some(unquoted(&two[0].1)),
            Kind::Gap | Kind::Symbol(_) => None,
        })
        .collect()
}

fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next() else {
        return String::new();
    };
    let inner = text.trim_matches(quote);
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_defines_is_bare() {
        for sql in [
            "create table t (id int primary key, n int default 1, check (n > 0))",
            "create table if not exists t (a int)",
            "create or replace view v as select id from t",
            "create unique index i on t (n)",
            "alter table t add column n int not null default 0",
            "drop table t",
        ] {
            for dialect in [Dialect::Postgres, Dialect::MySql] {
                assert!(bare_definition(dialect, sql).is_ok(), "{dialect:?}: {sql}");
            }
        }
        for sql in [
            "create index concurrently i on t (n)",
            "create unlogged table t (a int)",
            "create table m partition of t for values from (1) to (2)",
            "create table t (a int generated always as identity)",
            "create type mood as enum ('sad', 'happy')",
            "alter table t validate constraint c",
            "comment on column t.a is 'x'",
            "create schema s",
            "create sequence s",
        ] {
            assert!(bare_definition(Dialect::Postgres, sql).is_ok(), "{sql}");
        }
        for sql in [
            "create algorithm=merge sql security invoker view v as select 1 as a",
            "create table t (a int) engine=InnoDB partition by range (a) (partition p values less than (10))",
            "rename table a to b",
            "alter table t add fulltext index i (a), algorithm=inplace, lock=shared",
        ] {
            assert!(bare_definition(Dialect::MySql, sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn what_runs_or_reaches_something_is_not() {
        use NotBare::{Elsewhere, OtherObject, RunsQuery, Unreadable};
        for (sql, why) in [
            ("create table t as select * from v", RunsQuery),
            ("create table t as values (f())", RunsQuery),
            ("create table t as table v", RunsQuery),
            (
                "create table t as with x as (select 1) select * from x",
                RunsQuery,
            ),
            ("create table t as execute p", RunsQuery),
            ("create materialized view m as select f()", OtherObject),
            ("create temporary table t (a int)", OtherObject),
            ("create foreign table t (a int) server s", OtherObject),
            ("select 1 into t", OtherObject),
            ("comment on database shop is 'x'", OtherObject),
            ("comment on role r is 'x'", OtherObject),
            ("alter role r superuser", OtherObject),
            ("alter system set fsync = off", OtherObject),
            ("drop owned by r", OtherObject),
            ("create database d", OtherObject),
            ("create extension dblink", OtherObject),
            (
                "create function f() returns int as 'select 1' language sql",
                OtherObject,
            ),
            ("create table t (a int) /* open", Unreadable),
        ] {
            assert_eq!(bare_definition(Dialect::Postgres, sql), Err(why), "{sql}");
        }
        for (sql, why) in [
            ("create table t select * from v", RunsQuery),
            ("create table t (a int) select 1", RunsQuery),
            ("create table t values row(load_file('x'))", RunsQuery),
            ("create table t table v", RunsQuery),
            ("create schema beside", OtherObject),
            ("alter schema shop collate utf8mb4_bin", OtherObject),
            (
                "create table t (a int) engine=federated connection='mysql://u@h/d/t'",
                Elsewhere,
            ),
            ("create table t (a int) data directory='/tmp'", Elsewhere),
            ("alter table t engine=connect", Elsewhere),
            ("create table t (a int) /*!50100 select 1 */", Unreadable),
        ] {
            assert_eq!(bare_definition(Dialect::MySql, sql), Err(why), "{sql}");
        }
    }

    #[test]
    fn names_before_dots_are_found_wherever_they_stand() {
        let names = |sql| bare_definition(Dialect::MySql, sql).unwrap();
        assert_eq!(names("alter table t rename to `sh``op` . x"), ["sh`op"]);
        // Two dashes without a blank are no comment.
        assert_eq!(
            names("alter table t add d int default (1--1), rename to shop.evil"),
            ["SHOP"]
        );
        assert_eq!(names("alter table t comment 'shop.x'"), Vec::<String>::new());
        assert_eq!(names("alter table t rename to \u{fc}ber.x"), ["\u{fc}BER"]);
    }
}
