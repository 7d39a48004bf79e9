//! Queries.

use super::{expression::expression, from, label::natural_name, position::positions_resolved};
use crate::{
    Unreadable,
    normalise::{Node, set_operation},
    read::{Cursor, Tok},
};

/// Words that end a select item rather than name it.
const AFTER_ITEM: &[&str] = &[
    "from",
    "where",
    "group",
    "having",
    "window",
    "union",
    "except",
    "intersect",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "into",
    "with",
];

/// A whole query.
pub(crate) fn query(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.deeper(|cursor| {
        let with = with(cursor)?;
        let body = union(cursor)?;
        let tail = tail(cursor)?;
        let mut kids = Vec::new();
        kids.extend(with);
        // Brackets around a whole query mean nothing, unless both have a tail.
        match body {
            Node::Op(name, inner) if name == "full" && tail.is_empty() && kids.is_empty() => {
                return Ok(Node::Op(name, inner));
            }
            other => kids.push(other),
        }
        kids.extend(tail);
        Ok(positions_resolved(Node::op("full", kids)))
    })
}

fn with(cursor: &mut Cursor<'_>) -> Result<Option<Node>, Unreadable> {
    if !cursor.take("with") {
        return Ok(None);
    }
    let recursive = cursor.take("recursive");
    let mut tables = Vec::new();
    loop {
        let name = cursor.name()?;
        let columns = if cursor.is_mark("(") {
            cursor.names()?
        } else {
            Vec::new()
        };
        cursor.need("as")?;
        let how = if cursor.take("materialized") {
            " materialized"
        } else if cursor.take_words(&["not", "materialized"]) {
            " not materialized"
        } else {
            ""
        };
        cursor.need_mark("(")?;
        let inner = query(cursor)?;
        cursor.need_mark(")")?;
        tables.push(Node::op(
            format!("cte{how}"),
            vec![Node::Str(name), names(columns), inner],
        ));
        if !cursor.take_mark(",") {
            break;
        }
    }
    Ok(Some(Node::op(
        if recursive { "with recursive" } else { "with" },
        tables,
    )))
}

/// A list of names.
pub(super) fn names(names: Vec<String>) -> Node {
    Node::op("names", names.into_iter().map(Node::Str).collect())
}

/// `union` and `except`, from left to right.
fn union(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut left = intersect(cursor)?;
    loop {
        let name = ["union", "except"].into_iter().find(|word| cursor.take(word));
        let Some(name) = name else { return Ok(left) };
        let name = set_operation(cursor, name);
        left = Node::op(name, vec![left, intersect(cursor)?]);
    }
}

fn intersect(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut left = term(cursor)?;
    while cursor.take("intersect") {
        let name = set_operation(cursor, "intersect");
        left = Node::op(name, vec![left, term(cursor)?]);
    }
    Ok(left)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.take_mark("(") {
        let inner = query(cursor)?;
        cursor.need_mark(")")?;
        // A query without with, order or limit is what is in it.
        return Ok(match inner {
            Node::Op(name, mut kids) if name == "full" && kids.len() == 1 => kids.remove(0),
            other => other,
        });
    }
    if cursor.take("values") {
        return values(cursor);
    }
    if cursor.take("table") {
        let star = Node::op("items", vec![Node::word("star")]);
        return Ok(Node::op(
            "select",
            vec![star, Node::op("from", vec![from::relation(cursor)?])],
        ));
    }
    cursor.need("select")?;
    select(cursor)
}

fn values(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut rows = Vec::new();
    loop {
        rows.push(Node::op("row", cursor.list(expression)?));
        if !cursor.take_mark(",") {
            return Ok(Node::op("values", rows));
        }
    }
}

fn select(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut kids = Vec::new();
    if cursor.take("distinct") {
        let on = if cursor.take("on") {
            cursor.list(expression)?
        } else {
            Vec::new()
        };
        kids.push(Node::op("distinct", on));
    } else {
        cursor.take("all");
    }
    let mut items = Vec::new();
    if !cursor.is_done() && !cursor.is_one_of(AFTER_ITEM) && !cursor.is_mark(")") {
        items.push(item(cursor)?);
        while cursor.take_mark(",") {
            items.push(item(cursor)?);
        }
    }
    kids.push(Node::op("items", items));
    if cursor.take("from") {
        kids.push(from::from(cursor)?);
    }
    if cursor.take("where") {
        kids.push(Node::op("where", vec![expression(cursor)?]));
    }
    if cursor.take_words(&["group", "by"]) {
        let distinct = cursor.take("distinct");
        cursor.take("all");
        let mut by = vec![grouping(cursor)?];
        while cursor.take_mark(",") {
            by.push(grouping(cursor)?);
        }
        kids.push(Node::op(
            if distinct { "group by distinct" } else { "group by" },
            by,
        ));
    }
    if cursor.take("having") {
        kids.push(Node::op("having", vec![expression(cursor)?]));
    }
    if cursor.take("window") {
        loop {
            let name = cursor.name()?;
            cursor.need("as")?;
            kids.push(Node::op("window", vec![Node::Str(name), window(cursor)?]));
            if !cursor.take_mark(",") {
                break;
            }
        }
    }
    Ok(Node::op("select", kids))
}

/// One thing that is grouped by.
fn grouping(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.take_words(&["grouping", "sets"]) {
        return Ok(Node::op("grouping sets", cursor.list(grouping)?));
    }
    for word in ["rollup", "cube"] {
        if cursor.is_word(word) && cursor.is_mark_ahead(1, "(") {
            cursor.next();
            return Ok(Node::op(word, cursor.list(expression)?));
        }
    }
    if cursor.is_mark("(") && cursor.is_mark_ahead(1, ")") {
        cursor.next();
        cursor.next();
        return Ok(Node::word("row"));
    }
    expression(cursor)
}

/// A select item, with the name that it gets.
fn item(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let node = expression(cursor)?;
    if node == Node::word("*") {
        return Ok(Node::word("star"));
    }
    if let Node::Path(path) = &node
        && path.last().is_some_and(|last| last == "*")
    {
        let of = path[path.len().saturating_sub(2)].clone();
        return Ok(Node::op("star", vec![Node::Str(of)]));
    }
    let is_label = match cursor.peek() {
        Some(Tok::Quoted(_)) => true,
        Some(Tok::Word(_)) => !cursor.is_one_of(AFTER_ITEM),
        _ => false,
    };
    let name = if cursor.take("as") || is_label {
        cursor.name()?
    } else {
        natural_name(&node)
    };
    Ok(Node::op("item", vec![Node::Str(name), node]))
}

/// What follows the last set operation.
fn tail(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, Unreadable> {
    let mut kids = Vec::new();
    if cursor.is_words(&["order", "by"]) {
        kids.push(order_by(cursor)?);
    }
    loop {
        if cursor.take("limit") {
            if !cursor.take("all") {
                kids.push(Node::op("limit", vec![expression(cursor)?]));
            }
        } else if cursor.take("offset") {
            kids.push(Node::op("offset", vec![expression(cursor)?]));
            let _row = cursor.take("row") || cursor.take("rows");
        } else if cursor.take("fetch") {
            let _first = cursor.take("first") || cursor.take("next");
            let is_one = cursor.is_one_of(&["row", "rows"]);
            let count = if is_one {
                Node::Number("1".to_owned())
            } else {
                expression(cursor)?
            };
            let _row = cursor.take("row") || cursor.take("rows");
            let name = if cursor.take_words(&["with", "ties"]) {
                "limit with ties"
            } else {
                cursor.need("only")?;
                "limit"
            };
            kids.push(Node::op(name, vec![count]));
        } else if cursor.is_word("for") {
            return Err(cursor.fail("a query that locks rows"));
        } else {
            break;
        }
    }
    kids.sort_by_key(|kid| matches!(kid, Node::Op(name, _) if name == "offset"));
    Ok(kids)
}

/// `order by …`, with directions only where they aren't the usual ones.
pub(super) fn order_by(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("order")?;
    cursor.need("by")?;
    let mut keys = vec![order_key(cursor)?];
    while cursor.take_mark(",") {
        keys.push(order_key(cursor)?);
    }
    Ok(Node::op("order by", keys))
}

fn order_key(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let node = expression(cursor)?;
    let descending = cursor.take("desc");
    cursor.take("asc");
    let using = if cursor.take("using") { cursor.next() } else { None };
    let nulls_first = if cursor.take_words(&["nulls", "first"]) {
        true
    } else if cursor.take_words(&["nulls", "last"]) {
        false
    } else {
        descending
    };
    if let Some(using) = using {
        return Err(cursor.fail(format!("an order by the operator {using:?}")));
    }
    let name = match (descending, nulls_first) {
        (false, false) => "key",
        (false, true) => "key nulls first",
        (true, true) => "key desc",
        (true, false) => "key desc nulls last",
    };
    Ok(Node::op(name, vec![node]))
}

/// `([name] [partition by …] [order by …] [frame])`
pub(super) fn window(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let mut kids = Vec::new();
    let frames = ["range", "rows", "groups"];
    if !cursor.is_mark(")") && !cursor.is_one_of(&["partition", "order"]) && !cursor.is_one_of(&frames) {
        kids.push(Node::Path(vec![cursor.name()?]));
    }
    if cursor.take_words(&["partition", "by"]) {
        let mut by = vec![expression(cursor)?];
        while cursor.take_mark(",") {
            by.push(expression(cursor)?);
        }
        kids.push(Node::op("partition by", by));
    }
    if cursor.is_words(&["order", "by"]) {
        kids.push(order_by(cursor)?);
    }
    if cursor.is_one_of(&frames) {
        let from = cursor.position();
        while !cursor.is_mark(")") && !cursor.is_done() {
            if cursor.is_mark("(") {
                cursor.skip_brackets()?;
            } else {
                cursor.next();
            }
        }
        let frame = cursor.text_since(from).to_ascii_lowercase();
        // What the server leaves away because it is so anyway.
        let short = frame.replace(
            "between unbounded preceding and current row",
            "unbounded preceding",
        );
        if short != "range unbounded preceding" {
            kids.push(Node::op(format!("frame {short}"), Vec::new()));
        }
    }
    cursor.need_mark(")")?;
    Ok(Node::op("window of", kids))
}
