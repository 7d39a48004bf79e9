//! What people regret later, found before it runs. One file for each subject; a rule sees one statement.

mod add;
mod data;
mod drop;
mod lock;
mod readable;

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlparser::{ast::Statement as Tree, tokenizer::Span};

use crate::{Classification, Dialect, SplitError, classify::classify_parsed, parse::parse, split};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably regretted.
    Warning,
    /// Loses data, or can't be run.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing found. Prints as `rule severity line message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule's name, for instance `drop-column`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Line in the text, from 1.
    pub line: u32,
    /// For a person: what is wrong and what to do instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.rule, self.severity, self.line, self.message
        )
    }
}

/// A rule: its name, its severity, and how it looks at a statement.
pub struct Rule {
    /// In findings and documentation.
    pub name: &'static str,
    /// Of all its findings.
    pub severity: Severity,
    check: fn(&Context<'_>, &mut dyn FnMut(Span, String)),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.name)
    }
}

/// All rules, by name.
pub const RULES: &[Rule] = &[
    drop::COLUMN_TYPE_CHANGE,
    data::DML_WITHOUT_WHERE,
    drop::DROP_COLUMN,
    drop::DROP_TABLE,
    add::FOREIGN_KEY_CHECKED,
    lock::INDEX_NOT_CONCURRENT,
    add::NOT_NULL_WITHOUT_DEFAULT,
    readable::REFUSED,
    drop::RENAME,
    lock::SET_NOT_NULL,
    data::TRUNCATE,
    readable::UNREADABLE,
];

/// What a rule sees of a statement.
struct Context<'a> {
    dialect: Dialect,
    tree: Option<&'a Tree>,
    seen: &'a Classification,
}

/// Applies every rule to every statement; findings come in the order of their lines.
pub fn lint(dialect: Dialect, text: &str) -> Result<Vec<Finding>, SplitError> {
    let mut findings = Vec::new();
    for statement in split(dialect, text)? {
        let tree = parse(dialect, statement.text);
        let seen = classify_parsed(dialect, statement.text, tree.as_ref());
        let context = Context {
            dialect,
            tree: tree.as_ref(),
            seen: &seen,
        };
        for rule in RULES {
            (rule.check)(&context, &mut |span, message| {
                let below = u32::try_from(span.start.line.saturating_sub(1)).unwrap_or(0);
                findings.push(Finding {
                    rule: rule.name.to_owned(),
                    severity: rule.severity,
                    line: statement.line + below,
                    message,
                });
            });
        }
    }
    findings.sort_by_key(|finding| finding.line);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dialect: Dialect, text: &str) -> Vec<String> {
        let findings = lint(dialect, text).unwrap();
        findings
            .iter()
            .map(|f| format!("{} {} {}", f.rule, f.severity, f.line))
            .collect()
    }

    #[test]
    fn rules_are_sorted_and_named_once() {
        assert!(RULES.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn each_rule_finds_its_subject() {
        let cases = [
            ("drop table t", "drop-table error 1"),
            ("alter table t\n drop column a", "drop-column error 2"),
            ("truncate table t", "truncate error 1"),
            ("update t set a = 1", "dml-without-where error 1"),
            ("delete from t", "dml-without-where error 1"),
            (
                "alter table t\n add column a int not null",
                "not-null-without-default warning 2",
            ),
            ("create index i on t (a)", "index-not-concurrent warning 1"),
            ("alter table t rename to u", "rename warning 1"),
            ("alter table t rename column a to b", "rename warning 1"),
            (
                "alter table t alter column a type bigint",
                "column-type-change warning 1",
            ),
            (
                "alter table t alter column a set not null",
                "set-not-null warning 1",
            ),
            (
                "alter table t add constraint f foreign key (a) references u (id)",
                "foreign-key-checked warning 1",
            ),
            ("frobnicate", "unreadable warning 1"),
            ("commit", "refused error 1"),
        ];
        for (text, wanted) in cases {
            assert_eq!(found(Dialect::Postgres, text), [wanted], "{text}");
        }
    }

    #[test]
    fn good_sql_has_no_findings() {
        let text = "create table t (id bigint primary key, a int not null);
            create index concurrently i on t (a);
            alter table t add column b int not null default 0;
            alter table t add constraint f foreign key (a) references u (id) not valid;
            update t set a = 1 where id = 2;";
        assert_eq!(found(Dialect::Postgres, text), Vec::<String>::new());
    }

    #[test]
    fn mysql_has_its_own_ways() {
        assert_eq!(
            found(Dialect::MySql, "create index i on t (a)"),
            Vec::<String>::new()
        );
        assert_eq!(found(Dialect::MySql, "rename table a to b"), ["rename warning 1"]);
        assert_eq!(
            found(Dialect::MySql, "alter table t\nmodify a bigint"),
            ["column-type-change warning 2"]
        );
    }

    #[test]
    fn findings_print_as_one_line() {
        let finding = lint(Dialect::MySql, "select 1;\ndrop table t").unwrap().remove(0);
        assert_eq!(
            finding.to_string(),
            "drop-table error 2 DROP TABLE t loses its rows; rename it first and drop it once nobody missed it"
        );
    }
}
