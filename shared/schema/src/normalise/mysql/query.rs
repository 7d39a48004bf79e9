//! Queries.

use super::expression::{expression, simple};
use crate::{
    Unreadable,
    normalise::{Node, set_operation},
    read::{Cursor, Tok},
};

/// Words that end a select item or a table rather than name it.
const AFTER: &[&str] = &[
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
    "for",
    "into",
    "with",
    "join",
    "inner",
    "left",
    "right",
    "cross",
    "natural",
    "straight_join",
    "on",
    "using",
    "use",
    "force",
    "ignore",
    "partition",
    "as",
];

/// A whole query.
pub(crate) fn query(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.deeper(|cursor| {
        if cursor.is_word("with") {
            return Err(cursor.fail("a query with common table expressions is not read"));
        }
        let mut left = term(cursor)?;
        while let Some(name) = ["union", "except", "intersect"]
            .into_iter()
            .find(|word| cursor.take(word))
        {
            let name = set_operation(cursor, name);
            let right = term(cursor)?;
            left = Node::op(name, vec![left, right]);
        }
        let tail = tail(cursor)?;
        Ok(if tail.is_empty() {
            left
        } else {
            let mut kids = vec![left];
            kids.extend(tail);
            Node::op("ordered", kids)
        })
    })
}

fn term(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.take_mark("(") {
        let inner = query(cursor)?;
        cursor.need_mark(")")?;
        return Ok(inner);
    }
    select(cursor)
}

fn select(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("select")?;
    let distinct = cursor.take("distinct") || cursor.take("distinctrow");
    cursor.take("all");
    if cursor.is_one_of(&[
        "high_priority",
        "straight_join",
        "sql_small_result",
        "sql_no_cache",
        "sql_calc_found_rows",
    ]) {
        return Err(cursor.fail("hints to the optimiser are not read"));
    }
    let mut items = vec![item(cursor)?];
    while cursor.take_mark(",") {
        items.push(item(cursor)?);
    }
    let mut kids = vec![Node::op("items", items)];
    if distinct {
        kids.push(Node::word("distinct"));
    }
    if cursor.take("from") && !cursor.take("dual") {
        let mut from = joined(cursor)?;
        while cursor.take_mark(",") {
            let right = joined(cursor)?;
            from = Node::op("join", vec![from, right]);
        }
        kids.push(Node::op("from", vec![from]));
    }
    if cursor.take("where") {
        kids.push(Node::op("where", vec![expression(cursor)?]));
    }
    if cursor.take_words(&["group", "by"]) {
        let mut by = vec![expression(cursor)?];
        while cursor.take_mark(",") {
            by.push(expression(cursor)?);
        }
        kids.push(Node::op("group by", by));
        if cursor.take_words(&["with", "rollup"]) {
            kids.push(Node::word("rollup"));
        }
    }
    if cursor.take("having") {
        kids.push(Node::op("having", vec![expression(cursor)?]));
    }
    Ok(Node::op("select", kids))
}

/// `value [as] name`; a name that nobody wrote is the value's own text to the server.
fn item(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.is_mark("*") {
        return Err(cursor.fail("a star, which the server replaces; name the columns"));
    }
    let from = cursor.position();
    let value = expression(cursor)?;
    let text = cursor.text_since(from);
    let is_named = cursor.take("as");
    let name = match cursor.peek() {
        Some(Tok::Str(name) | Tok::Quoted(name)) => Some(name.clone()),
        Some(Tok::Word(word)) if is_named || !AFTER.contains(&word.to_ascii_lowercase().as_str()) => {
            Some(word.clone())
        }
        _ => None,
    };
    let name = match (name, &value) {
        (Some(name), _) => {
            cursor.next();
            name
        }
        (None, Node::Path(path)) => path.last().cloned().unwrap_or_default(),
        (None, _) => text,
    };
    let name: String = name
        .to_lowercase()
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '`')
        .collect();
    Ok(Node::op("item", vec![Node::Str(name), value]))
}

fn joined(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut left = table(cursor)?;
    loop {
        let natural = cursor.take("natural");
        if natural {
            return Err(cursor.fail("a natural join, which the server replaces; write ON"));
        }
        let side = ["left", "right"].into_iter().find(|side| cursor.is_word(side));
        let plain = cursor.is_one_of(&["join", "inner", "cross", "straight_join"]);
        if side.is_none() && !plain {
            return Ok(left);
        }
        let _kind = cursor.next();
        if side.is_some() {
            cursor.take("outer");
        }
        cursor.take("join");
        let right = if cursor.is_mark("(") {
            table(cursor)?
        } else {
            nested(cursor)?
        };
        let on = if cursor.take("on") {
            Some(expression(cursor)?)
        } else if cursor.take("using") {
            let tests = cursor.names()?.into_iter().map(|name| {
                let column = Node::Path(vec![name.to_lowercase()]);
                Node::op("=", vec![column.clone(), column])
            });
            tests.reduce(|a, b| Node::joined("and", a, b))
        } else {
            None
        };
        // The server turns right joins round.
        let (name, mut kids) = match side {
            Some("right") => ("left join", vec![right, left]),
            Some(_) => ("left join", vec![left, right]),
            None => ("join", vec![left, right]),
        };
        kids.extend(on);
        left = Node::op(name, kids);
    }
}

/// A join's right side may itself be joined before the condition comes.
fn nested(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    table(cursor)
}

fn table(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.is_mark("(") {
        if cursor.is_word_ahead(1, "select") {
            cursor.need_mark("(")?;
            let inner = query(cursor)?;
            cursor.need_mark(")")?;
            cursor.take("as");
            let alias = cursor.name()?;
            return Ok(Node::op("derived", vec![inner, Node::Str(alias)]));
        }
        cursor.need_mark("(")?;
        let mut inner = joined(cursor)?;
        while cursor.take_mark(",") {
            let right = joined(cursor)?;
            inner = Node::op("join", vec![inner, right]);
        }
        cursor.need_mark(")")?;
        return Ok(inner);
    }
    let (database, name) = cursor.qualified()?;
    let is_named = cursor.take("as");
    let alias = match cursor.peek() {
        Some(Tok::Word(word)) if is_named || !AFTER.contains(&word.to_ascii_lowercase().as_str()) => {
            Some(cursor.name()?)
        }
        Some(Tok::Quoted(_)) => Some(cursor.name()?),
        _ => None,
    };
    if cursor.is_one_of(&["use", "force", "ignore", "partition"]) {
        return Err(cursor.fail("hints to the optimiser are not read"));
    }
    let alias = alias.unwrap_or_else(|| name.clone());
    let path = database.into_iter().chain([name]).collect();
    Ok(Node::op("table", vec![Node::Path(path), Node::Str(alias)]))
}

fn tail(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, Unreadable> {
    let mut kids = Vec::new();
    if cursor.is_words(&["order", "by"]) {
        kids.push(order_by(cursor)?);
    }
    if cursor.take("limit") {
        let first = simple(cursor)?;
        if cursor.take_mark(",") {
            kids.push(Node::op("limit", vec![simple(cursor)?, first]));
        } else if cursor.take("offset") {
            kids.push(Node::op("limit", vec![first, simple(cursor)?]));
        } else {
            kids.push(Node::op("limit", vec![first]));
        }
    }
    if cursor.is_one_of(&["for", "lock", "into", "procedure"]) {
        return Err(cursor.fail("a query that locks or writes"));
    }
    Ok(kids)
}

/// `order by …`
pub(super) fn order_by(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("order")?;
    cursor.need("by")?;
    let mut keys = Vec::new();
    loop {
        let key = expression(cursor)?;
        let descending = cursor.take("desc");
        cursor.take("asc");
        keys.push(Node::op(if descending { "key desc" } else { "key" }, vec![key]));
        if !cursor.take_mark(",") {
            return Ok(Node::op("order by", keys));
        }
    }
}

/// `([partition by …] [order by …] [frame])`
pub(super) fn window(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let mut kids = Vec::new();
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
    if cursor.is_one_of(&["rows", "range"]) {
        let from = cursor.position();
        while !cursor.is_mark(")") && !cursor.is_done() {
            cursor.next();
        }
        kids.push(Node::word(format!(
            "frame {}",
            cursor.text_since(from).to_ascii_lowercase()
        )));
    }
    cursor.need_mark(")")?;
    Ok(Node::op("window", kids))
}
