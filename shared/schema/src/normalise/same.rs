//! Whether two trees mean the same.

use super::Node;
use crate::model::DataType;

/// Whether two trees mean the same, whichever of them a server has written.
pub(crate) fn same(left: &Node, right: &Node) -> bool {
    match (left, right) {
        (Node::Str(a), Node::Str(b)) | (Node::Number(a), Node::Number(b)) => a == b,
        (Node::Str(text), Node::Number(number)) | (Node::Number(number), Node::Str(text)) => text == number,
        (Node::Path(a), Node::Path(b)) => is_suffix(a, b),
        (Node::Call(a, args), Node::Call(b, others)) => is_suffix(a, b) && all_same(args, others),
        (Node::Op(a, kids), Node::Op(b, others)) if a == "item" && b == "item" => same_items(kids, others),
        (Node::Op(a, kids), Node::Op(b, others)) if a == b => all_same(kids, others),
        (Node::Cast(a, of), Node::Cast(b, other)) => {
            (same_type(of, other) && same_as(a, b, of)) || adds(a, of, right) || adds(b, other, left)
        }
        // A server writes the type of a constant; other casts that it writes are taken away before.
        (Node::Cast(inner, of), other) | (other, Node::Cast(inner, of)) => {
            inner.is_literal() && same_as(inner, other, of)
        }
        _ => false,
    }
}

/// Two columns of a query's result. Its type is seen by others: only a string is a text without being called one.
fn same_items(left: &[Node], right: &[Node]) -> bool {
    let named = |value: &Node, other: &Node| match (value, other) {
        (Node::Cast(inner, of), bare) | (bare, Node::Cast(inner, of)) if !matches!(bare, Node::Cast(..)) => {
            matches!(**inner, Node::Str(_)) && of.name == "text" || !inner.is_literal()
        }
        _ => true,
    };
    all_same(left, right) && left.iter().zip(right).all(|(a, b)| named(a, b))
}

fn all_same(left: &[Node], right: &[Node]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b))
}

/// Names, one of which may be less qualified.
fn is_suffix(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    !short.is_empty() && long.ends_with(short)
}

/// The same type, where one side may leave out the namespace.
fn same_type(a: &DataType, b: &DataType) -> bool {
    let strip = |of: &DataType| DataType {
        namespace: None,
        ..of.clone()
    };
    let namespaces = a.namespace.is_none() || b.namespace.is_none() || a.namespace == b.namespace;
    namespaces && strip(a) == strip(b)
}

/// Whether the type is what a server wrote of a constant that has the other side's type already.
fn adds(inner: &Node, of: &DataType, other: &Node) -> bool {
    matches!(inner, Node::Cast(..)) && inner.is_literal() && !of.name.is_empty() && same(inner, other)
}

/// The same, knowing that both are values of the type.
fn same_as(a: &Node, b: &Node, of: &DataType) -> bool {
    if same(a, b) {
        return true;
    }
    let (Some(a), Some(b)) = (literal(a), literal(b)) else {
        return false;
    };
    match of.name.as_str() {
        "boolean" => truth(a).is_some() && truth(a) == truth(b),
        "regclass" | "regproc" | "regtype" => {
            let parts = |text: &str| -> Vec<String> {
                text.split('.')
                    .map(|part| part.trim_matches('"').to_owned())
                    .collect()
            };
            is_suffix(&parts(a), &parts(b))
        }
        "money" => super::literal::cents(a).is_some() && super::literal::cents(a) == super::literal::cents(b),
        name if name.starts_with("timestamp") => same_moment(a, b),
        name if name.starts_with("interval") => {
            let read = |text: &str| super::literal::interval(text, None);
            read(a).is_some() && read(a) == read(b)
        }
        _ => false,
    }
}

fn literal(node: &Node) -> Option<&str> {
    match node {
        Node::Str(text) | Node::Number(text) => Some(text),
        Node::Op(name, kids) if kids.is_empty() => Some(name),
        _ => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "y" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Two moments. A day is its midnight; what says no zone is in the session's, in which the server writes its own.
fn same_moment(a: &str, b: &str) -> bool {
    let zoned = |text: &str| -> Option<usize> {
        let clock = text.find(':')?;
        let at = text[clock..].find(['+', '-'])? + clock;
        Some(at)
    };
    let local = |text: &str| zoned(text).map_or(text, |at| &text[..at]).trim_end().to_owned();
    let (a, b) = match (zoned(a), zoned(b)) {
        (Some(_), Some(_)) => (a.to_owned(), b.to_owned()),
        _ => (local(a), local(b)),
    };
    let midnight = |text: &str| text.strip_suffix(" 00:00:00").unwrap_or(text).to_owned();
    midnight(&a) == midnight(&b)
}
