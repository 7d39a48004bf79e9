//! What stands between operators: constants, names, calls, brackets, constructs.

use super::{call, cast, expression::expression, query};
use crate::{
    Unreadable,
    model::DataType,
    normalise::Node,
    read::{
        Cursor, Tok,
        postgres::data_type::{data_type, interval_fields, is_type_word},
    },
};

/// A value without operators around it.
pub(crate) fn primary(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    match cursor.peek() {
        Some(Tok::Str(_)) => {
            let mut text = cursor.string()?;
            // Strings one below the other are one string.
            while matches!(cursor.peek(), Some(Tok::Str(_))) {
                text += &cursor.string()?;
            }
            Ok(Node::Str(text))
        }
        Some(Tok::Number(number)) => {
            let number = number.clone();
            cursor.next();
            Ok(bits(&number).map_or(Node::Number(number), Node::Str))
        }
        Some(Tok::Mark(mark)) if mark == "(" => brackets(cursor),
        Some(Tok::Mark(mark)) if mark == "*" => {
            cursor.next();
            Ok(Node::word("*"))
        }
        Some(Tok::Word(_)) => word(cursor),
        Some(Tok::Quoted(_)) => named(cursor),
        _ => Err(cursor.expected("a value")),
    }
}

/// The digits of `b'0101'` and `x'5'`.
fn bits(number: &str) -> Option<String> {
    let inner = |prefix: &str| number.strip_prefix(prefix)?.strip_suffix('\'');
    if let Some(digits) = inner("b'") {
        return Some(digits.to_owned());
    }
    inner("x'")?
        .chars()
        .map(|c| c.to_digit(16).map(|digit| format!("{digit:04b}")))
        .collect()
}

/// A query if one begins here.
pub(super) fn subquery(cursor: &mut Cursor<'_>) -> Result<Option<Node>, Unreadable> {
    let mut by = 0;
    while cursor.is_mark_ahead(by, "(") {
        by += 1;
    }
    let begins = ["select", "with", "values"]
        .iter()
        .any(|word| cursor.is_word_ahead(by, word));
    if !begins {
        return Ok(None);
    }
    // `((select 1) + 2)` begins so too, and is none.
    let start = cursor.position();
    match query::query(cursor) {
        Ok(node) if cursor.is_mark(")") => Ok(Some(Node::op("query", vec![node]))),
        Err(error) if by == 0 => Err(error),
        _ => {
            cursor.go_to(start);
            Ok(None)
        }
    }
}

/// A query, or what `other` reads.
pub(super) fn query_or(
    cursor: &mut Cursor<'_>,
    other: fn(&mut Cursor<'_>) -> Result<Node, Unreadable>,
) -> Result<Node, Unreadable> {
    match subquery(cursor)? {
        Some(query) => Ok(query),
        None => other(cursor),
    }
}

/// `(value)`, `(query)` or `(row, of, values)`, and what is taken out of it.
fn brackets(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let mut values = vec![query_or(cursor, expression)?];
    while cursor.take_mark(",") {
        values.push(expression(cursor)?);
    }
    cursor.need_mark(")")?;
    let mut node = match values.pop() {
        Some(only) if values.is_empty() => only,
        last => {
            values.extend(last);
            Node::op("row", values)
        }
    };
    while cursor.take_mark(".") {
        let field = if cursor.take_mark("*") {
            "*".to_owned()
        } else {
            cursor.name()?
        };
        node = Node::op(format!("field {field}"), vec![node]);
    }
    Ok(node)
}

const CONSTANTS: &[&str] = &[
    "null",
    "true",
    "false",
    "default",
    "current_date",
    "current_user",
    "current_role",
    "session_user",
    "user",
    "current_catalog",
    "current_schema",
];
const TIMES: &[&str] = &["current_timestamp", "current_time", "localtime", "localtimestamp"];

fn word(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let Some(Tok::Word(word)) = cursor.peek() else {
        return Err(cursor.expected("a value"));
    };
    let word = word.to_ascii_lowercase();
    let word = word.as_str();
    let calls = cursor.is_mark_ahead(1, "(");
    if CONSTANTS.contains(&word) && !calls {
        cursor.next();
        return Ok(Node::word(if word == "user" { "current_user" } else { word }));
    }
    if TIMES.contains(&word) {
        cursor.next();
        let precision = if calls {
            cursor.list(expression)?
        } else {
            Vec::new()
        };
        return Ok(Node::op(word, precision));
    }
    match word {
        "case" => case(cursor),
        "cast" if calls => {
            cursor.next();
            cursor.need_mark("(")?;
            let value = expression(cursor)?;
            cursor.need("as")?;
            let as_type = data_type(cursor)?;
            cursor.need_mark(")")?;
            Ok(cast(value, as_type))
        }
        "exists" if calls => {
            cursor.next();
            cursor.need_mark("(")?;
            let query = subquery(cursor)?.ok_or_else(|| cursor.expected("a query"))?;
            cursor.need_mark(")")?;
            Ok(Node::op("exists", vec![query]))
        }
        "array" if cursor.is_mark_ahead(1, "[") => {
            cursor.next();
            array(cursor)
        }
        "array" if calls => {
            cursor.next();
            cursor.need_mark("(")?;
            let query = subquery(cursor)?.ok_or_else(|| cursor.expected("a query"))?;
            cursor.need_mark(")")?;
            Ok(Node::op("array query", vec![query]))
        }
        "row" if calls => {
            cursor.next();
            cursor.need_mark("(")?;
            let mut values = Vec::new();
            while !cursor.take_mark(")") {
                values.push(expression(cursor)?);
                cursor.take_mark(",");
            }
            Ok(Node::op("row", values))
        }
        "interval" if matches!(cursor.ahead(1), Some(Tok::Str(_))) => {
            cursor.next();
            let text = cursor.string()?;
            let name = format!("interval{}", interval_fields(cursor));
            Ok(cast(Node::Str(text), DataType::plain(name)))
        }
        "select" | "from" | "where" | "as" | "then" | "when" | "end" | "else" | "on" | "using" | "and"
        | "or" => Err(cursor.expected("a value")),
        _ if is_type_word(cursor) => typed_string(cursor),
        _ => named(cursor),
    }
}

/// `date '2024-01-01'`, or a name if it isn't one.
fn typed_string(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let start = cursor.position();
    if let Ok(as_type) = data_type(cursor)
        && matches!(cursor.peek(), Some(Tok::Str(_)))
    {
        let text = cursor.string()?;
        return Ok(cast(Node::Str(text), as_type));
    }
    cursor.go_to(start);
    named(cursor)
}

/// A column, or a function's call.
fn named(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let quoted = matches!(cursor.peek(), Some(Tok::Quoted(_)));
    let mut path = vec![cursor.name()?];
    while cursor.is_mark(".") {
        cursor.next();
        if cursor.take_mark("*") {
            path.push("*".to_owned());
            return Ok(Node::Path(path));
        }
        path.push(cursor.name()?);
    }
    if cursor.is_mark("(") {
        return call::call(cursor, path, quoted);
    }
    // `my_type 'text'`.
    if matches!(cursor.peek(), Some(Tok::Str(_))) {
        let text = cursor.string()?;
        let name = path.pop().unwrap_or_default();
        let as_type = DataType {
            namespace: path.pop(),
            ..DataType::plain(name)
        };
        return Ok(cast(Node::Str(text), as_type));
    }
    Ok(Node::Path(path))
}

fn array(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("[")?;
    let mut values = Vec::new();
    while !cursor.take_mark("]") {
        let nested = cursor.is_mark("[");
        values.push(if nested {
            cursor.deeper(array)?
        } else {
            expression(cursor)?
        });
        if !cursor.is_mark("]") {
            cursor.need_mark(",")?;
        }
    }
    Ok(Node::op("array", values))
}

fn case(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("case")?;
    let mut kids = Vec::new();
    let head = if cursor.is_word("when") { "case" } else { "case of" };
    if head == "case of" {
        kids.push(expression(cursor)?);
    }
    while cursor.take("when") {
        kids.push(expression(cursor)?);
        cursor.need("then")?;
        kids.push(expression(cursor)?);
    }
    // The server writes the ELSE that nobody wrote.
    kids.push(if cursor.take("else") {
        expression(cursor)?
    } else {
        Node::word("null")
    });
    cursor.need("end")?;
    Ok(Node::op(head, kids))
}
