//! What stands between operators: constants, names, calls, brackets, constructs.

use super::{call::call, expression::expression, query};
use crate::{
    Dialect, Unreadable,
    normalise::Node,
    read::{Cursor, Tok},
};

/// A value without operators around it.
pub(crate) fn primary(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    match cursor.peek() {
        Some(Tok::Str(_)) => {
            let mut text = cursor.string()?;
            while matches!(cursor.peek(), Some(Tok::Str(_))) {
                text += &cursor.string()?;
            }
            Ok(Node::Str(text))
        }
        Some(Tok::Number(number)) => {
            let number = number.clone();
            cursor.next();
            Ok(number_or_text(&number))
        }
        Some(Tok::Mark(mark)) if mark == "(" => brackets(cursor),
        Some(Tok::Quoted(_)) => named(cursor),
        Some(Tok::Word(word)) => {
            let word = word.to_ascii_lowercase();
            construct(cursor, &word)
        }
        _ => Err(cursor.expected("a value")),
    }
}

/// `_utf8mb4'text'` is the text, and so is `n'text'`; other numbers are what they are.
fn number_or_text(number: &str) -> Node {
    let text = number.find(['\'', '"']).map(|at| number.split_at(at));
    match text {
        Some((prefix, quoted)) if prefix.starts_with('_') || prefix == "n" => {
            let inner = Cursor::new(Dialect::MySql, quoted, 1).ok();
            match inner.and_then(|mut cursor| cursor.string().ok()) {
                Some(text) => Node::Str(text),
                None => Node::Number(number.to_owned()),
            }
        }
        Some(_) => Node::Number(number.to_ascii_lowercase()),
        None => Node::Number(plain(number)),
    }
}

/// Without zeros that say nothing.
fn plain(number: &str) -> String {
    let is_decimal = number.contains('.') && !number.contains(['e', 'E']);
    if is_decimal {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_ascii_lowercase()
    }
}

/// A query in brackets, if one stands here.
pub(super) fn query_in_brackets(cursor: &mut Cursor<'_>) -> Result<Option<Node>, Unreadable> {
    let is_query =
        cursor.is_mark("(") && (cursor.is_word_ahead(1, "select") || cursor.is_word_ahead(1, "with"));
    if !is_query {
        return Ok(None);
    }
    cursor.need_mark("(")?;
    let node = query(cursor)?;
    cursor.need_mark(")")?;
    Ok(Some(Node::op("query", vec![node])))
}

fn brackets(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if let Some(query) = query_in_brackets(cursor)? {
        return Ok(query);
    }
    let mut values = cursor.list(expression)?;
    Ok(if values.len() == 1 {
        values.remove(0)
    } else {
        Node::op("row", values)
    })
}

/// Calls that need no brackets.
const BARE_CALLS: &[(&str, &str)] = &[
    ("current_timestamp", "current_timestamp"),
    ("localtime", "current_timestamp"),
    ("localtimestamp", "current_timestamp"),
    ("current_date", "curdate"),
    ("current_time", "curtime"),
    ("utc_timestamp", "utc_timestamp"),
    ("utc_date", "utc_date"),
    ("utc_time", "utc_time"),
    ("current_user", "current_user"),
];

fn construct(cursor: &mut Cursor<'_>, word: &str) -> Result<Node, Unreadable> {
    let followed = cursor.is_mark_ahead(1, "(");
    match word {
        "null" => {
            cursor.next();
            Ok(Node::word("null"))
        }
        "true" | "false" => {
            cursor.next();
            Ok(Node::Number(if word == "true" { "1" } else { "0" }.to_owned()))
        }
        "case" => case(cursor),
        "interval" if !followed || !is_list_ahead(cursor) => {
            cursor.next();
            let interval = interval(cursor)?;
            if cursor.take_mark("+") {
                let moment = super::expression::simple(cursor)?;
                return Ok(Node::op("+", vec![moment, interval]));
            }
            Ok(interval)
        }
        "exists" if followed => {
            cursor.next();
            let query = query_in_brackets(cursor)?.ok_or_else(|| cursor.expected("a query"))?;
            Ok(Node::op("exists", vec![query]))
        }
        "row" if followed => {
            cursor.next();
            Ok(Node::op("row", cursor.list(expression)?))
        }
        "match" if followed => against(cursor),
        "date" | "time" | "timestamp" if matches!(cursor.ahead(1), Some(Tok::Str(_))) => {
            cursor.next();
            Ok(Node::op(word, vec![Node::Str(cursor.string()?)]))
        }
        _ if followed => call(cursor, word),
        _ => {
            if let Some((_, name)) = BARE_CALLS.iter().find(|(bare, _)| *bare == word) {
                cursor.next();
                return Ok(Node::call(name, Vec::new()));
            }
            if matches!(
                word,
                "select" | "from" | "where" | "then" | "when" | "end" | "else" | "and" | "or" | "as" | "on"
            ) {
                return Err(cursor.expected("a value"));
            }
            named(cursor)
        }
    }
}

/// Whether the brackets after `interval` hold several values: then it is a function.
fn is_list_ahead(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.next();
    ahead.list(expression).is_ok_and(|values| values.len() > 1)
}

/// After `interval`: `value unit`.
pub(super) fn interval(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let value = super::expression::simple(cursor)?;
    // `interval '1' day` and `interval 1 day` are the same.
    let value = match value {
        Node::Str(text) => Node::Number(text),
        other => other,
    };
    let unit = cursor.name()?.to_ascii_lowercase();
    let unit = unit.strip_prefix("sql_tsi_").unwrap_or(&unit).to_owned();
    Ok(Node::op(format!("interval {unit}"), vec![value]))
}

fn case(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("case")?;
    let mut kids = Vec::new();
    if !cursor.is_word("when") {
        kids.push(Node::op("of", vec![expression(cursor)?]));
    }
    while cursor.take("when") {
        let when = expression(cursor)?;
        cursor.need("then")?;
        kids.push(Node::op("when", vec![when, expression(cursor)?]));
    }
    if cursor.take("else") {
        let otherwise = expression(cursor)?;
        if otherwise != Node::word("null") {
            kids.push(Node::op("else", vec![otherwise]));
        }
    }
    cursor.need("end")?;
    Ok(Node::op("case", kids))
}

fn against(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need("match")?;
    let mut kids = cursor.list(expression)?;
    cursor.need("against")?;
    cursor.need_mark("(")?;
    kids.push(expression(cursor)?);
    let from = cursor.position();
    while !cursor.is_mark(")") && !cursor.is_done() {
        cursor.next();
    }
    let mode = cursor.text_since(from).to_ascii_lowercase();
    cursor.need_mark(")")?;
    let mode = if mode == "in natural language mode" {
        String::new()
    } else {
        mode
    };
    Ok(Node::op(format!("match {mode}"), kids))
}

/// A column with its qualifiers, or a call of a schema's own function.
fn named(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    let mut path = vec![cursor.name()?];
    while cursor.take_mark(".") {
        if cursor.is_mark("*") {
            return Err(cursor.fail("a star, which the server replaces; name the columns"));
        }
        path.push(cursor.name()?);
    }
    if cursor.is_mark("(") {
        let name = path.join(".");
        return Ok(Node::Call(vec![name], arguments(cursor)?));
    }
    if let Some(column) = path.last_mut() {
        *column = column.to_lowercase();
    }
    Ok(Node::Path(path))
}

/// `(…)`, which may be empty.
pub(super) fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, Unreadable> {
    if cursor.is_mark_ahead(1, ")") {
        cursor.need_mark("(")?;
        cursor.need_mark(")")?;
        return Ok(Vec::new());
    }
    cursor.list(expression)
}
