//! Calls of functions, in the common form and in those that SQL made for single ones.

use super::{
    expression::{expression, simple_expression},
    query,
};
use crate::{
    Unreadable,
    normalise::Node,
    read::{Cursor, Tok},
};

/// From the bracket after the function's name on.
pub(super) fn call(cursor: &mut Cursor<'_>, mut path: Vec<String>, quoted: bool) -> Result<Node, Unreadable> {
    if path.first().is_some_and(|first| first == "pg_catalog") {
        path.remove(0);
    }
    if let [name] = path.as_slice()
        && !quoted
        && let Some(node) = special(cursor, &name.clone())?
    {
        return Ok(node);
    }
    cursor.need_mark("(")?;
    let distinct = cursor.take("distinct");
    cursor.take("all");
    let mut kids = Vec::new();
    while !cursor.is_mark(")") && !cursor.is_words(&["order", "by"]) {
        let variadic = cursor.take("variadic");
        let argument = argument(cursor)?;
        kids.push(if variadic {
            Node::op("variadic", vec![argument])
        } else {
            argument
        });
        if !cursor.take_mark(",") {
            break;
        }
    }
    if cursor.is_words(&["order", "by"]) {
        kids.push(query::order_by(cursor)?);
    }
    cursor.need_mark(")")?;
    if distinct {
        kids.push(Node::word("distinct"));
    }
    // The server gathers what a variadic function gets into an array.
    if let Some(Node::Op(head, inner)) = kids.last()
        && head == "variadic"
        && let Some(Node::Op(head, values)) = inner.first()
        && head == "array"
    {
        let values = values.clone();
        kids.pop();
        kids.extend(values);
    }
    let node = Node::Call(path, kids);
    after(cursor, node)
}

/// `name => value`, or a value.
fn argument(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.is_mark_ahead(1, "=>") || cursor.is_mark_ahead(1, ":=") {
        let name = cursor.name()?;
        cursor.next();
        return Ok(Node::op(format!("named {name}"), vec![expression(cursor)?]));
    }
    expression(cursor)
}

/// `within group`, `filter`, `over`.
fn after(cursor: &mut Cursor<'_>, mut node: Node) -> Result<Node, Unreadable> {
    if cursor.take_words(&["within", "group"]) {
        cursor.need_mark("(")?;
        let order = query::order_by(cursor)?;
        cursor.need_mark(")")?;
        node = Node::op("within group", vec![node, order]);
    }
    if cursor.is_word("filter") && cursor.is_mark_ahead(1, "(") {
        cursor.next();
        cursor.need_mark("(")?;
        cursor.need("where")?;
        let condition = expression(cursor)?;
        cursor.need_mark(")")?;
        node = Node::op("filter", vec![node, condition]);
    }
    if cursor.take("over") {
        let window = if cursor.is_mark("(") {
            query::window(cursor)?
        } else {
            Node::Path(vec![cursor.name()?])
        };
        node = Node::op("over", vec![node, window]);
    }
    Ok(node)
}

/// The forms that SQL made for single functions.
fn special(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Node>, Unreadable> {
    let start = cursor.position();
    cursor.need_mark("(")?;
    let node = match name {
        "extract" => {
            let field = match cursor.next() {
                Some(Tok::Word(field) | Tok::Str(field) | Tok::Quoted(field)) => field.to_ascii_lowercase(),
                _ => return Err(cursor.expected("a field")),
            };
            cursor.need("from")?;
            Some(Node::call("extract", vec![Node::Str(field), expression(cursor)?]))
        }
        "position" => {
            let part = simple_expression(cursor)?;
            if cursor.take("in") {
                let whole = expression(cursor)?;
                Some(Node::call("position", vec![whole, part]))
            } else {
                None
            }
        }
        "substring" => substring(cursor)?,
        "overlay" => {
            let mut kids = vec![expression(cursor)?];
            if cursor.take("placing") {
                kids.push(expression(cursor)?);
                cursor.need("from")?;
                kids.push(expression(cursor)?);
                if cursor.take("for") {
                    kids.push(expression(cursor)?);
                }
                Some(Node::call("overlay", kids))
            } else {
                None
            }
        }
        "trim" => Some(trim(cursor)?),
        _ => None,
    };
    if node.is_some() {
        cursor.need_mark(")")?;
    } else {
        cursor.go_to(start);
    }
    Ok(node)
}

fn substring(cursor: &mut Cursor<'_>) -> Result<Option<Node>, Unreadable> {
    let mut kids = vec![expression(cursor)?];
    if cursor.take("from") {
        kids.push(expression(cursor)?);
        if cursor.take("for") {
            kids.push(expression(cursor)?);
        }
    } else if cursor.take("for") {
        kids.push(Node::Number("1".to_owned()));
        kids.push(expression(cursor)?);
    } else {
        return Ok(None);
    }
    Ok(Some(Node::call("substring", kids)))
}

/// `trim([both | leading | trailing] [characters] from text)`, which the server writes for `trim(text)` too.
fn trim(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let name = if cursor.take("leading") {
        "ltrim"
    } else if cursor.take("trailing") {
        "rtrim"
    } else {
        cursor.take("both");
        "btrim"
    };
    let mut kids = Vec::new();
    if !cursor.is_word("from") {
        kids.push(expression(cursor)?);
    }
    if cursor.take("from") {
        kids.insert(0, expression(cursor)?);
    }
    while cursor.take_mark(",") {
        kids.push(expression(cursor)?);
    }
    Ok(Node::call(name, kids))
}
