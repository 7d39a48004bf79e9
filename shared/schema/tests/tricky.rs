//! What loses data or can't be understood is always shown so, however it is written.
//!
//! An approver decides by what a release's statements are shown as, so each text in `tricky/` must be cut and classified
//! at least as badly as it says: `refused` (it can't be in a release at all), `unknown`, `destructive`, `warning`.

use muster_schema::{Dialect, Risk, classify, split};

/// How a text is shown: by the worst of its statements, or refused before that.
fn shown(dialect: Dialect, text: &str) -> Risk {
    let Ok(statements) = split(dialect, text) else {
        return Risk::Unknown;
    };
    let seen = statements.iter().map(|statement| {
        let seen = classify(dialect, statement.text);
        if seen.refused.is_some() {
            Risk::Unknown
        } else {
            seen.risk
        }
    });
    seen.max().unwrap_or(Risk::Safe)
}

/// The texts of a file, with the words before them.
fn texts(file: &str) -> Vec<(&str, &str)> {
    file.split("\n\n")
        .skip(1)
        .filter_map(|paragraph| paragraph.trim_matches('\n').split_once('\n'))
        .collect()
}

fn all_shown(dialect: Dialect, file: &str) -> usize {
    let texts = texts(file);
    let mut hidden = Vec::new();
    for (wanted, text) in &texts {
        let least = match *wanted {
            "refused" | "unknown" => Risk::Unknown,
            "destructive" => Risk::Destructive,
            "warning" => Risk::Warning,
            other => panic!("{other} is no word for a risk"),
        };
        let found = shown(dialect, text);
        if found < least {
            hidden.push(format!("{text:?} is shown as {found}, not {wanted}"));
        }
        if *wanted == "refused" && split(dialect, text).is_ok() {
            let refused = |text: &str| classify(dialect, text).refused.is_some();
            if !split(dialect, text).is_ok_and(|all| all.iter().any(|statement| refused(statement.text))) {
                hidden.push(format!("{text:?} is not refused"));
            }
        }
    }
    assert!(hidden.is_empty(), "{dialect}:\n{}", hidden.join("\n"));
    texts.len()
}

#[test]
fn nothing_that_loses_data_is_hidden_from_an_approver() {
    let postgres = all_shown(Dialect::Postgres, include_str!("tricky/postgres.txt"));
    let mysql = all_shown(Dialect::MySql, include_str!("tricky/mysql.txt"));
    assert!(postgres + mysql >= 300, "{postgres} and {mysql} texts were read");
}

/// Whatever stands before or after it, a statement that loses data stays one.
#[test]
fn what_stands_around_a_statement_doesnt_hide_it() {
    for (dialect, befores) in [
        (
            Dialect::Postgres,
            &[
                "",
                "select 1;",
                "/* ; */",
                "-- ;\n",
                "select $$'$$;",
                "select E'\\'';",
                "\u{feff}",
                "\r\n",
                "\u{b}",
            ][..],
        ),
        (
            Dialect::MySql,
            &[
                "",
                "select 1;",
                "/* ; */",
                "-- ;\n",
                "# ;\n",
                "select '\\'';",
                "select \"'\";",
                "\u{feff}",
                "\r\n",
                "\u{b}",
            ],
        ),
    ] {
        for before in befores {
            for after in [
                "",
                ";",
                ";;",
                " -- x",
                " /* x */",
                "\u{a0}",
                "\0",
                "; select 1",
                " \\g",
            ] {
                for statement in [
                    "drop table t",
                    "delete from t",
                    "truncate table t",
                    "alter table t drop column a",
                ] {
                    let text = format!("{before}{statement}{after}");
                    assert!(
                        shown(dialect, &text) >= Risk::Destructive,
                        "{dialect} {text:?} is shown as {}",
                        shown(dialect, &text)
                    );
                }
            }
        }
    }
}
