//! `split`: what each dialect's quoting does, what is refused, and the laws that hold for any text.

use proptest::prelude::*;

use super::*;

fn texts(dialect: Dialect, text: &str) -> Vec<&str> {
    split(dialect, text)
        .unwrap()
        .into_iter()
        .map(|s| s.text)
        .collect()
}

fn both(text: &str) -> Vec<&str> {
    let mysql = texts(Dialect::MySql, text);
    assert_eq!(mysql, texts(Dialect::Postgres, text));
    mysql
}

#[test]
fn cuts_at_semicolons_and_counts_lines() {
    let statements = split(Dialect::Postgres, "\n-- first\nselect 1;\n\n select\n 2 ; ;").unwrap();
    let seen: Vec<_> = statements.iter().map(|s| (s.text, s.line)).collect();
    assert_eq!(seen, [("select 1", 3), ("select\n 2", 5)]);
}

#[test]
fn semicolons_in_strings_and_comments_do_not_cut() {
    assert_eq!(
        both("select ';', 'it''s;' -- ;\n, 1 /* ; */"),
        ["select ';', 'it''s;' -- ;\n, 1"]
    );
    assert_eq!(texts(Dialect::Postgres, r#"select "a;b""#), [r#"select "a;b""#]);
    assert_eq!(
        texts(Dialect::MySql, "select `a;b` # ;\n;select 2"),
        ["select `a;b`", "select 2"]
    );
}

#[test]
fn backslashes_escape_in_mysql_and_only_in_e_strings_of_postgres() {
    assert_eq!(
        texts(Dialect::MySql, r"select 'a\';b'; select 2"),
        [r"select 'a\';b'", "select 2"]
    );
    assert_eq!(
        texts(Dialect::Postgres, r"select 'a\'; select 2"),
        [r"select 'a\'", "select 2"]
    );
    assert_eq!(
        texts(Dialect::Postgres, r"select e'a\';b'; select 2"),
        [r"select e'a\';b'", "select 2"]
    );
}

#[test]
fn postgres_dollar_quotes() {
    let body = "create function f() returns int language sql as $f$ select ';$$;'; $f$";
    assert_eq!(
        texts(Dialect::Postgres, &format!("{body}; select 2")),
        [body, "select 2"]
    );
    assert_eq!(
        texts(Dialect::Postgres, "select $1; select a$b$"),
        ["select $1", "select a$b$"]
    );
    assert_eq!(texts(Dialect::Postgres, "do $$ begin; end $$; select 1").len(), 2);
}

#[test]
fn postgres_comments_nest_and_mysql_s_do_not() {
    assert_eq!(
        texts(Dialect::Postgres, "select /* a /* ; */ ; */ 1"),
        ["select /* a /* ; */ ; */ 1"]
    );
    assert_eq!(texts(Dialect::MySql, "select /* a /* ; */ 1; select 2").len(), 2);
}

#[test]
fn mysql_s_double_dash_needs_a_blank() {
    assert_eq!(
        texts(Dialect::MySql, "select 5--1; select 2"),
        ["select 5--1", "select 2"]
    );
    assert_eq!(texts(Dialect::MySql, "select 5 -- 1; select 2"), ["select 5"]);
}

#[test]
fn postgres_bodies_and_rules_hold_semicolons() {
    let atomic =
        "create procedure p() begin atomic insert into t values (case 1 when 1 then 2 end); select 1; end";
    assert_eq!(
        texts(Dialect::Postgres, &format!("{atomic}; select 1")),
        [atomic, "select 1"]
    );
    let rule = "create rule r as on insert to t do also (insert into u values (1); insert into v values (2))";
    assert_eq!(
        texts(Dialect::Postgres, &format!("{rule}; select 1")),
        [rule, "select 1"]
    );
}

#[test]
fn mysql_s_delimiter_is_followed() {
    let text =
        "DELIMITER $$\ncreate procedure p()\nbegin\n select 1;\n select 2;\nend$$\ndelimiter ;\nselect 3;";
    let statements = split(Dialect::MySql, text).unwrap();
    assert_eq!(statements.len(), 2);
    assert!(statements[0].text.ends_with("end"));
    assert_eq!((statements[1].text, statements[1].line), ("select 3", 8));
}

#[test]
fn what_a_client_would_act_on_is_refused() {
    let cases = [
        (
            Dialect::Postgres,
            "select 1;\n\\d t",
            SplitError::ClientCommand { line: 2 },
        ),
        (
            Dialect::MySql,
            "select 1\\G",
            SplitError::ClientCommand { line: 1 },
        ),
        (
            Dialect::MySql,
            "select 1 /*!50000 , 2 */",
            SplitError::ExecutableComment { line: 1 },
        ),
        (
            Dialect::MySql,
            "/*M!100100 drop table t */",
            SplitError::ExecutableComment { line: 1 },
        ),
        (
            Dialect::Postgres,
            "delimiter //\nselect 1//",
            SplitError::BadDelimiter { line: 1 },
        ),
        (Dialect::MySql, "delimiter", SplitError::BadDelimiter { line: 1 }),
        (
            Dialect::MySql,
            "select 1;\ncreate trigger x before insert on t for each row begin set @a = 1; end;",
            SplitError::NeedsDelimiter { line: 2 },
        ),
        (Dialect::MySql, "select\0 1", SplitError::ZeroByte { line: 1 }),
    ];
    for (dialect, text, wanted) in cases {
        assert_eq!(split(dialect, text), Err(wanted), "{text}");
    }
}

#[test]
fn what_is_never_closed_is_named_with_its_line() {
    for (dialect, text, what) in [
        (Dialect::Postgres, "select 1;\nselect 'a", "string"),
        (
            Dialect::Postgres,
            "select 1;\nselect $x$ a $y$",
            "dollar-quoted string",
        ),
        (Dialect::Postgres, "select 1;\n/* /* */", "comment"),
        (Dialect::MySql, "select 1;\nselect `a", "quoted name"),
    ] {
        assert_eq!(
            split(dialect, text),
            Err(SplitError::Unterminated { what, line: 2 }),
            "{text}"
        );
    }
}

#[test]
fn sizes_are_limited() {
    let long = " ".repeat(MAX_TEXT_BYTES + 1);
    assert!(matches!(
        split(Dialect::MySql, &long),
        Err(SplitError::TextTooLong { .. })
    ));
    let statement = format!("select '{}'", "a".repeat(MAX_STATEMENT_BYTES));
    assert!(matches!(
        split(Dialect::MySql, &statement),
        Err(SplitError::StatementTooLong { line: 1 })
    ));
    let many = "select 1;".repeat(MAX_STATEMENTS + 1);
    assert!(matches!(
        split(Dialect::MySql, &many),
        Err(SplitError::TooManyStatements { line: 1 })
    ));
}

/// A piece of a statement that both dialects read the same way and that ends nothing.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "select", "a1", "'x;y'", "'it''s'", "( 1, 2 )", "/* ; */", "-- ;\n", "=", "é", "\n", "'--'",
        "\"q;\"", "3.5",
    ])
}

fn statement() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| format!("select {} z", pieces.join(" ")))
}

proptest! {
    #[test]
    fn split_undoes_join(statements in prop::collection::vec(statement(), 0..6)) {
        let text = canonical(statements.iter().map(String::as_str));
        for dialect in [Dialect::MySql, Dialect::Postgres] {
            prop_assert_eq!(texts(dialect, &text), statements.clone());
        }
    }

    #[test]
    fn any_text_is_cut_or_refused_and_nothing_is_lost(text in "[a-z;'\"`$\\\\/*#\\- \n()éE0!]{0,60}") {
        for dialect in [Dialect::MySql, Dialect::Postgres] {
            let Ok(statements) = split(dialect, &text) else { continue };
            let mut from = 0;
            for s in statements {
                prop_assert!(from <= s.start && s.start < s.end);
                prop_assert_eq!(&text[s.start..s.end], s.text);
                prop_assert_eq!(usize::try_from(s.line).unwrap(), 1 + text[..s.start].matches('\n').count());
                prop_assert_eq!(split(dialect, &text[from..s.start]).map(|gap| gap.len()), Ok(0));
                from = s.end;
            }
        }
    }

    #[test]
    fn a_statement_is_one_statement(text in "[a-z;'\"`$/*#\\- \n()E]{0,60}") {
        for dialect in [Dialect::MySql, Dialect::Postgres] {
            for s in split(dialect, &text).unwrap_or_default() {
                // MySQL's `--` is a comment where the text ends right after it, and minus signs before a `;`.
                if s.text.ends_with("--") {
                    continue;
                }
                prop_assert_eq!(texts(dialect, s.text), vec![s.text]);
            }
        }
    }
}
