//! MySQL's and MariaDB's expressions and queries as trees, and what the servers make of them when they store them.
//!
//! Names of columns and functions are the same in any case, so they are in lower case here.

mod call;
mod expression;
mod primary;
mod query;

pub(crate) use expression::expression;
pub(crate) use primary::primary;
pub(crate) use query::query;

use super::{Node, same};
use crate::{Dialect, Unreadable, model::Expression, read::Cursor};

/// The tree of an expression that stands alone.
pub(crate) fn tree(text: &Expression) -> Result<Node, Unreadable> {
    let mut cursor = Cursor::new(Dialect::MySql, text.as_str(), 1)?;
    let node = expression(&mut cursor)?;
    cursor.end()?;
    Ok(node)
}

/// Whether two expressions mean the same. What isn't understood is the same only if it is written alike.
pub(crate) fn same_expression(a: &Expression, b: &Expression) -> bool {
    match (tree(a), tree(b)) {
        (Ok(a), Ok(b)) => same(&a, &b),
        _ => a == b,
    }
}

/// Whether two queries mean the same, where the columns may have been given other names; nothing if one of them isn't
/// understood.
pub(crate) fn same_query(
    (a, a_names): (&Expression, &[String]),
    (b, b_names): (&Expression, &[String]),
) -> Option<bool> {
    if a == b && a_names == b_names {
        return Some(true);
    }
    let tree = |text: &Expression, names: &[String]| -> Option<Node> {
        let mut cursor = Cursor::new(Dialect::MySql, text.as_str(), 1).ok()?;
        let node = query(&mut cursor).ok()?;
        cursor.is_done().then(|| named(node, names))
    };
    Some(same(&tree(a, a_names)?, &tree(b, b_names)?))
}

/// The query with these names for its columns, as the server keeps it: in its first select.
fn named(query: Node, names: &[String]) -> Node {
    let Node::Op(head, mut kids) = query else {
        return query;
    };
    if names.is_empty() || kids.is_empty() {
        return Node::Op(head, kids);
    }
    let first = kids.remove(0);
    let first = match first {
        Node::Op(word, items) if word == "items" && items.len() == names.len() => {
            let items = items.into_iter().zip(names).map(|(item, name)| match item {
                Node::Op(word, mut parts) if word == "item" && !parts.is_empty() => {
                    parts[0] = Node::Str(name.to_lowercase());
                    Node::Op(word, parts)
                }
                other => other,
            });
            Node::Op(word, items.collect())
        }
        other => named(other, names),
    };
    kids.insert(0, first);
    Node::Op(head, kids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_stores_is_what_was_written() {
        for (written, stored) in [
            ("base_value * 2", "`base_value` * 2"),
            ("price > 0 AND (stock >= 0)", "`price` > 0 and `stock` >= 0"),
            ("status IN ('a', 'b')", "`status` in ('a','b')"),
            ("NOT (a IS NULL)", "`a` is not null"),
            ("a != 1", "`a` <> 1"),
            ("SUBSTRING(name FROM 1 FOR 2)", "substr(`name`,1,2)"),
            ("now() - interval 30 day", "current_timestamp() - interval 30 day"),
            ("date_sub(a, interval 1 month)", "`a` - interval 1 month"),
            ("`type` REGEXP '^(a|b)$'", "`type` regexp '^(a|b)$'"),
            ("a not in (1,2)", "`a` not in (1,2)"),
            ("json_extract(data, '$.name')", "json_extract(`data`,'$.name')"),
            ("mod(a, 2)", "`a` MOD 2"),
            ("a % 2", "`a` MOD 2"),
            ("concat(a,'x')", "concat(`a`,_utf8mb4'x')"),
            (
                "((case when (`deleted` = 0) then `name` else NULL end))",
                "case when `deleted` = 0 then `name` else NULL end",
            ),
        ] {
            let (a, b) = (Expression::new(written), Expression::new(stored));
            assert!(same_expression(&a, &b), "{:?}\n{:?}", tree(&a), tree(&b));
        }
    }

    #[test]
    fn what_differs_is_different() {
        for (a, b) in [
            ("a and b or c", "a and (b or c)"),
            ("a - (b - c)", "a - b - c"),
            ("a in (1,2)", "a in (1,2,3)"),
            ("(a, b) in ((3, 1))", "(a, b) in ((1, 3))"),
            ("a = 'x'", "a = 'X'"),
            ("not a like 'x'", "a like 'x'"),
        ] {
            assert!(
                !same_expression(&Expression::new(a), &Expression::new(b)),
                "{a} / {b}"
            );
        }
    }

    #[test]
    fn queries_are_compared_by_meaning() {
        let same = |a: &str, b: &str| same_query((&Expression::new(a), &[]), (&Expression::new(b), &[]));
        assert_eq!(
            same_query(
                (
                    &Expression::new("select id, count(*) from t group by id"),
                    &["A".to_owned(), "n".to_owned()]
                ),
                (
                    &Expression::new("select `t`.`id` AS `a`,count(0) AS `n` from `t` group by `t`.`id`"),
                    &[]
                ),
            ),
            Some(true)
        );
        assert_eq!(
            same(
                "select u.id as id, p.id as post_id from (users as u join posts as p on ((u.id = p.user_id)))",
                "select `u`.`id` AS `id`,`p`.`id` AS `post_id` from (`users` `u` join `posts` `p` on(`u`.`id` = `p`.`user_id`))",
            ),
            Some(true)
        );
        assert_eq!(
            same(
                "select id from users where a = 1",
                "select `users`.`id` AS `id` from `users` where `users`.`a` = 2"
            ),
            Some(false)
        );
        assert_eq!(same("select * from t", "select `t`.`a` AS `a` from `t`"), None);
    }
}
