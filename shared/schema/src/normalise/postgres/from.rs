//! What a query reads.

use super::{expression::expression, query};
use crate::{
    Unreadable,
    model::DataType,
    normalise::Node,
    read::{Cursor, Tok, postgres::data_type::data_type},
};

/// After `from`: items and joins.
pub(super) fn from(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut items = vec![joined(cursor)?];
    while cursor.take_mark(",") {
        items.push(joined(cursor)?);
    }
    Ok(Node::op("from", items))
}

fn joined(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut left = item(cursor)?;
    loop {
        let natural = cursor.take("natural");
        let kind = if cursor.take_words(&["cross", "join"]) {
            let right = item(cursor)?;
            left = Node::op("cross join", vec![left, right]);
            continue;
        } else if cursor.take("left") {
            "left join"
        } else if cursor.take("right") {
            "right join"
        } else if cursor.take("full") {
            "full join"
        } else if cursor.take("inner") || cursor.is_word("join") {
            "join"
        } else {
            return Ok(left);
        };
        cursor.take("outer");
        cursor.need("join")?;
        let right = if cursor.is_mark("(") {
            item(cursor)?
        } else {
            nested(cursor, natural)?
        };
        left = condition(cursor, kind, natural, left, right)?;
    }
}

/// `a join b join c on … on …`: a join's right side may be a join whose condition comes first.
fn nested(cursor: &mut Cursor<'_>, natural: bool) -> Result<Node, Unreadable> {
    let right = item(cursor)?;
    if natural || cursor.is_one_of(&["on", "using"]) {
        return Ok(right);
    }
    Err(cursor.expected("ON or USING"))
}

fn condition(
    cursor: &mut Cursor<'_>,
    kind: &str,
    natural: bool,
    left: Node,
    right: Node,
) -> Result<Node, Unreadable> {
    if natural {
        return Ok(Node::op(format!("natural {kind}"), vec![left, right]));
    }
    if cursor.take("using") {
        let columns = cursor.names()?;
        let mut kids = vec![left, right, query::names(columns)];
        if cursor.take("as") {
            kids.push(Node::Str(cursor.name()?));
        }
        return Ok(Node::op(format!("{kind} using"), kids));
    }
    cursor.need("on")?;
    let on = expression(cursor)?;
    Ok(Node::op(kind, vec![left, right, on]))
}

fn item(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let lateral = cursor.take("lateral");
    let inner = if cursor.is_mark("(") {
        bracketed(cursor)?
    } else {
        relation(cursor)?
    };
    let node = alias(cursor, inner)?;
    let node = if cursor.take("tablesample") {
        let method = cursor.name()?;
        let mut kids = vec![node, Node::Call(vec![method], cursor.list(expression)?)];
        if cursor.take("repeatable") {
            kids.extend(cursor.list(expression)?);
        }
        Node::op("tablesample", kids)
    } else {
        node
    };
    Ok(
        if lateral && !matches!(&node, Node::Op(name, _) if name == "function") {
            Node::op("lateral", vec![node])
        } else {
            node
        },
    )
}

/// A query, or a join, in brackets.
fn bracketed(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let start = cursor.position();
    cursor.need_mark("(")?;
    if let Ok(query) = query::query(cursor)
        && cursor.take_mark(")")
    {
        return Ok(Node::op("query", vec![query]));
    }
    cursor.go_to(start + 1);
    let inner = joined(cursor)?;
    cursor.need_mark(")")?;
    Ok(inner)
}

/// A table, a view, a common table, or a function.
pub(super) fn relation(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.is_words(&["rows", "from"]) {
        return Err(cursor.fail("ROWS FROM"));
    }
    let only = cursor.take("only");
    let start = cursor.position();
    let (namespace, name) = cursor.qualified()?;
    if cursor.is_mark("(") {
        cursor.go_to(start);
        let call = super::primary::primary(cursor)?;
        let ordinality = cursor.take_words(&["with", "ordinality"]);
        return Ok(Node::op(
            if ordinality {
                "function with ordinality"
            } else {
                "function"
            },
            vec![call],
        ));
    }
    cursor.take_mark("*");
    let path = namespace.into_iter().chain([name]).collect();
    Ok(Node::op(
        if only { "relation only" } else { "relation" },
        vec![Node::Path(path)],
    ))
}

/// Words that end an item rather than name it.
const AFTER: &[&str] = &[
    "on",
    "using",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
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
    "tablesample",
    "with",
    "outer",
    "returning",
];

/// The item, with its name and its columns' names if it has them.
fn alias(cursor: &mut Cursor<'_>, inner: Node) -> Result<Node, Unreadable> {
    let has = cursor.take("as")
        || match cursor.peek() {
            Some(Tok::Quoted(_)) => true,
            Some(Tok::Word(_)) => !cursor.is_one_of(AFTER),
            _ => false,
        };
    if !has {
        return Ok(named_as_itself(inner));
    }
    let name = if cursor.is_mark("(") {
        String::new()
    } else {
        cursor.name()?
    };
    let mut columns = Vec::new();
    if cursor.is_mark("(") {
        columns = cursor.list(|cursor| {
            let name = cursor.name()?;
            let is_end = cursor.is_mark(",") || cursor.is_mark(")");
            let of = if is_end {
                DataType::default()
            } else {
                data_type(cursor)?
            };
            Ok(if is_end {
                Node::Str(name)
            } else {
                Node::Cast(Box::new(Node::Str(name)), of)
            })
        })?;
    }
    // The server names a function's only column as the function's alias.
    let is_function = matches!(&inner, Node::Op(head, _) if head == "function");
    if is_function && columns.len() == 1 && columns.first() == Some(&Node::Str(name.clone())) {
        columns.clear();
    }
    // `users users` is `users`.
    let own = own_name(&inner);
    if columns.is_empty() && own.as_deref() == Some(name.as_str()) && !is_function {
        return Ok(named_as_itself(inner));
    }
    Ok(Node::op(
        "alias",
        vec![inner, Node::Str(name), Node::op("columns", columns)],
    ))
}

/// A function in `from` is called like itself where it isn't called otherwise; the server writes that.
fn named_as_itself(inner: Node) -> Node {
    match own_name(&inner) {
        Some(name) if matches!(&inner, Node::Op(head, _) if head == "function") => {
            Node::op("alias", vec![inner, Node::Str(name), Node::word("columns")])
        }
        _ => inner,
    }
}

fn own_name(inner: &Node) -> Option<String> {
    let Node::Op(head, kids) = inner else { return None };
    match (head.as_str(), kids.first()) {
        ("relation" | "relation only", Some(Node::Path(path)))
        | ("function" | "function with ordinality", Some(Node::Call(path, _))) => path.last().cloned(),
        _ => None,
    }
}
