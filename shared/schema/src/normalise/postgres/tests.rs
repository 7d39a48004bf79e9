use super::*;
use crate::{Dialect, normalise::same, read::Cursor};

fn tree(text: &str) -> Node {
    let mut cursor = Cursor::new(Dialect::Postgres, text, 1).unwrap();
    let node = expression(&mut cursor).unwrap();
    cursor.end().unwrap();
    node
}

fn query_tree(text: &str) -> Node {
    let mut cursor = Cursor::new(Dialect::Postgres, text, 1).unwrap();
    let node = query(&mut cursor).unwrap();
    cursor.end().unwrap();
    node
}

#[test]
fn what_the_server_writes_is_what_was_written() {
    for (written, reported) in [
        ("a > 0 AND b < 5", "((a > 0) AND (b < 5))"),
        (
            "status IN ('a', 'b')",
            "(status = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        ),
        (
            "status NOT IN ('a', 'b')",
            "(status <> ALL (ARRAY['a'::text, 'b'::text]))",
        ),
        ("x IN (1)", "(x = 1)"),
        ("x BETWEEN 1 AND 10", "((x >= 1) AND (x <= 10))"),
        ("name LIKE 'a%'", "(name ~~ 'a%'::text)"),
        ("x != -1", "(x <> '-1'::integer)"),
        ("CAST(x AS text)", "(x)::text"),
        ("a IS NOT DISTINCT FROM b", "(NOT (a IS DISTINCT FROM b))"),
        (
            "CASE WHEN a THEN 1 END",
            "\nCASE\n    WHEN a THEN 1\n    ELSE NULL::integer\nEND",
        ),
        ("trim(a)", "TRIM(BOTH FROM a)"),
        ("date '2024-01-01'", "'2024-01-01'::date"),
        ("d > '2024-01-01'", "(d > '2024-01-01'::date)"),
        ("interval '1 day'", "'1 day'::interval"),
        ("created AT TIME ZONE 'utc'", "(created AT TIME ZONE 'utc'::text)"),
        ("price > 0", "(price > (0)::numeric)"),
        (
            "f(a, 'x', 'y')",
            "public.f(a, VARIADIC ARRAY['x'::text, 'y'::text])",
        ),
        ("x'1F'", "'00011111'::\"bit\""),
    ] {
        assert!(
            same(&tree(written), &tree(reported)),
            "{written}\n{:?}\n{:?}",
            tree(written),
            tree(reported)
        );
    }
}

#[test]
fn what_differs_is_different() {
    for (a, b) in [
        ("a > 0", "a >= 0"),
        ("a OR b AND c", "(a OR b) AND c"),
        ("a - (b - c)", "a - b - c"),
        ("'x'::date", "'x'::timestamp"),
        ("lower(a)", "upper(a)"),
        ("t.a", "u.a"),
        ("a::varchar(3)", "a"),
        ("a::text", "a"),
        ("a::numeric / 2", "a / 2"),
        ("x IN ('a', 'b')", "x IN ('a', 'c')"),
        ("'a'", "'A'"),
    ] {
        assert!(!same(&tree(a), &tree(b)), "{a}, {b}");
    }
}

#[test]
fn queries_are_compared_by_what_they_mean() {
    let schema = crate::read(Dialect::Postgres, "create table users (id int, name text);").unwrap();
    for (written, reported) in [
        ("SELECT id FROM users", " SELECT users.id\n   FROM public.users"),
        (
            "SELECT * FROM users u",
            " SELECT u.id, u.name FROM public.users u",
        ),
        (
            "SELECT count(*) FROM users",
            " SELECT count(*) AS count FROM public.users",
        ),
        (
            "SELECT id AS x FROM users ORDER BY x DESC",
            " SELECT users.id AS x FROM public.users ORDER BY users.id DESC",
        ),
        (
            "(SELECT 1 AS a) UNION ALL (SELECT 2)",
            " SELECT 1 AS a UNION ALL SELECT 2 AS \"?column?\"",
        ),
        (
            "WITH c AS (SELECT id FROM users) SELECT * FROM c",
            " WITH c AS ( SELECT users.id FROM public.users) SELECT c.id FROM c",
        ),
    ] {
        let (a, b) = (
            expand_stars(query_tree(written), &schema),
            expand_stars(query_tree(reported), &schema),
        );
        assert!(same(&a, &b), "{written}\n{a:?}\n{b:?}");
    }
    for (a, b) in [
        ("SELECT id FROM users", "SELECT id FROM users WHERE id > 1"),
        ("SELECT id FROM users", "SELECT DISTINCT id FROM users"),
        ("SELECT id FROM users", "SELECT id AS x FROM users"),
        ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION ALL SELECT 2"),
    ] {
        assert!(!same(&query_tree(a), &query_tree(b)), "{a}, {b}");
    }
}
