//! Operators, by their precedence (<https://dev.mysql.com/doc/refman/8.4/en/operator-precedence.html>).

use super::primary::{primary, query_in_brackets};
use crate::{
    Unreadable,
    normalise::Node,
    read::{Cursor, Tok},
};

/// How tightly an operator binds.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const XOR: u8 = 2;
    pub(super) const AND: u8 = 3;
    pub(super) const NOT: u8 = 4;
    pub(super) const COMPARE: u8 = 6;
    pub(super) const BIT_OR: u8 = 7;
    pub(super) const BIT_AND: u8 = 8;
    pub(super) const SHIFT: u8 = 9;
    pub(super) const ADD: u8 = 10;
    pub(super) const MULTIPLY: u8 = 11;
    pub(super) const BIT_XOR: u8 = 12;
    pub(super) const SIGN: u8 = 13;
    pub(super) const COLLATE: u8 = 15;
}

/// An expression.
pub(crate) fn expression(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    above(cursor, 0)
}

/// An expression of operators that bind more tightly than comparisons.
pub(super) fn simple(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    above(cursor, level::COMPARE)
}

fn above(cursor: &mut Cursor<'_>, floor: u8) -> Result<Node, Unreadable> {
    cursor.deeper(|cursor| {
        let mut left = prefix(cursor)?;
        loop {
            let next = match cursor.peek() {
                Some(Tok::Mark(mark)) => {
                    let mark = mark.clone();
                    symbol(cursor, &left, &mark, floor)?
                }
                Some(Tok::Word(word)) => {
                    let word = word.to_ascii_lowercase();
                    keyword(cursor, &left, &word, floor)?
                }
                _ => None,
            };
            match next {
                Some(node) => left = node,
                None => return Ok(left),
            }
        }
    })
}

fn prefix(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.take("not") {
        return Ok(negated(above(cursor, level::NOT - 1)?));
    }
    if cursor.take_mark("!") {
        return Ok(negated(above(cursor, level::SIGN)?));
    }
    if cursor.take_mark("-") {
        return Ok(match above(cursor, level::SIGN)? {
            Node::Number(number) if !number.starts_with('-') => Node::Number(format!("-{number}")),
            other => Node::op("-", vec![other]),
        });
    }
    if cursor.take_mark("+") {
        return above(cursor, level::SIGN);
    }
    if cursor.take_mark("~") {
        return Ok(Node::op("~", vec![above(cursor, level::SIGN)?]));
    }
    if cursor.is_word("binary") && !cursor.is_mark_ahead(1, "(") {
        cursor.next();
        let inner = above(cursor, level::SIGN)?;
        return Ok(Node::op("cast as binary", vec![inner]));
    }
    primary(cursor)
}

/// As the servers turn a negation inwards when they store it.
pub(super) fn negated(inner: Node) -> Node {
    match inner {
        Node::Op(name, mut kids) => {
            let turned = match name.as_str() {
                "=" => "<>",
                "<>" => "=",
                "<" => ">=",
                ">=" => "<",
                ">" => "<=",
                "<=" => ">",
                "is null" => "is not null",
                "is not null" => "is null",
                "and" | "or" => {
                    let other = if name == "and" { "or" } else { "and" };
                    return Node::op(other, kids.into_iter().map(negated).collect());
                }
                "not" if kids.len() == 1 => return kids.remove(0),
                _ => return Node::op("not", vec![Node::Op(name, kids)]),
            };
            Node::op(turned, kids)
        }
        other => Node::op("not", vec![other]),
    }
}

fn symbol(cursor: &mut Cursor<'_>, left: &Node, mark: &str, floor: u8) -> Result<Option<Node>, Unreadable> {
    let (level, name) = match mark {
        "||" => (level::OR, "or"),
        "&&" => (level::AND, "and"),
        "=" | "<=>" | ">=" | ">" | "<=" | "<" | "<>" => (level::COMPARE, mark),
        "!=" => (level::COMPARE, "<>"),
        "|" => (level::BIT_OR, mark),
        "&" => (level::BIT_AND, mark),
        "<<" | ">>" => (level::SHIFT, mark),
        "+" | "-" => (level::ADD, mark),
        "*" | "/" => (level::MULTIPLY, mark),
        "%" => (level::MULTIPLY, "mod"),
        "^" => (level::BIT_XOR, mark),
        "->" | "->>" => (level::COLLATE, mark),
        _ => return Ok(None),
    };
    if level <= floor {
        return Ok(None);
    }
    cursor.next();
    if name == "or" || name == "and" {
        let right = above(cursor, level)?;
        return Ok(Some(Node::joined(name, left.clone(), right)));
    }
    if level == level::COMPARE {
        for quantifier in ["any", "some", "all"] {
            if cursor.is_word(quantifier) && cursor.is_mark_ahead(1, "(") {
                cursor.next();
                let set = query_in_brackets(cursor)?.ok_or_else(|| cursor.expected("a query"))?;
                let quantifier = if quantifier == "some" { "any" } else { quantifier };
                return Ok(Some(Node::op(
                    format!("{name} {quantifier}"),
                    vec![left.clone(), set],
                )));
            }
        }
    }
    let right = above(cursor, level)?;
    Ok(Some(match name {
        "->" => Node::call("json_extract", vec![left.clone(), right]),
        "->>" => Node::call(
            "json_unquote",
            vec![Node::call("json_extract", vec![left.clone(), right])],
        ),
        _ => Node::op(name, vec![left.clone(), right]),
    }))
}

fn keyword(cursor: &mut Cursor<'_>, left: &Node, word: &str, floor: u8) -> Result<Option<Node>, Unreadable> {
    let level = match word {
        "or" => level::OR,
        "xor" => level::XOR,
        "and" => level::AND,
        // After `not` comes `in` and the like; anything else that begins so is no operator.
        "is" | "like" | "rlike" | "regexp" | "in" | "between" | "sounds" | "not" => level::COMPARE,
        "div" | "mod" => level::MULTIPLY,
        "collate" => level::COLLATE,
        _ => return Ok(None),
    };
    if level <= floor {
        return Ok(None);
    }
    match word {
        "or" | "and" => {
            cursor.next();
            let right = above(cursor, level)?;
            Ok(Some(Node::joined(word, left.clone(), right)))
        }
        "xor" | "div" | "mod" => {
            cursor.next();
            let right = above(cursor, level)?;
            Ok(Some(Node::op(word, vec![left.clone(), right])))
        }
        "collate" => {
            cursor.next();
            let collation = match cursor.next() {
                Some(Tok::Word(name) | Tok::Quoted(name) | Tok::Str(name)) => name.to_ascii_lowercase(),
                _ => return Err(cursor.expected("a collation")),
            };
            Ok(Some(Node::op(format!("collate {collation}"), vec![left.clone()])))
        }
        "is" => is(cursor, left).map(Some),
        _ => compared(cursor, left),
    }
}

fn is(cursor: &mut Cursor<'_>, left: &Node) -> Result<Node, Unreadable> {
    cursor.need("is")?;
    let not = cursor.take("not");
    for word in ["null", "true", "false", "unknown"] {
        if cursor.take(word) {
            // Unknown is what null is.
            let word = if word == "unknown" { "null" } else { word };
            let name = if not {
                format!("is not {word}")
            } else {
                format!("is {word}")
            };
            return Ok(Node::op(name, vec![left.clone()]));
        }
    }
    Err(cursor.expected("NULL, TRUE, FALSE or UNKNOWN"))
}

/// `[not] in | like | regexp | between …`
fn compared(cursor: &mut Cursor<'_>, left: &Node) -> Result<Option<Node>, Unreadable> {
    let start = cursor.position();
    let not = cursor.take("not");
    let left = left.clone();
    let node = if cursor.take("in") {
        let values = match query_in_brackets(cursor)? {
            Some(query) => vec![query],
            None => cursor.list(expression)?,
        };
        let mut kids = vec![left];
        kids.extend(values);
        // One value is an equality to the server.
        if let [left, only] = kids.as_slice()
            && !matches!(only, Node::Op(name, _) if name == "query")
        {
            Node::op("=", vec![left.clone(), only.clone()])
        } else {
            Node::op("in", kids)
        }
    } else if cursor.take("between") {
        let low = above(cursor, level::COMPARE)?;
        cursor.need("and")?;
        let high = above(cursor, level::COMPARE)?;
        Node::op("between", vec![left, low, high])
    } else if cursor.take("like") {
        let pattern = above(cursor, level::COMPARE)?;
        let mut kids = vec![left, pattern];
        if cursor.take("escape") {
            let escape = primary(cursor)?;
            if escape != Node::Str("\\".to_owned()) {
                kids.push(escape);
            }
        }
        Node::op("like", kids)
    } else if cursor.take("regexp") || cursor.take("rlike") {
        Node::op("regexp", vec![left, above(cursor, level::COMPARE)?])
    } else if cursor.take_words(&["sounds", "like"]) {
        let sounds = |of| Node::call("soundex", vec![of]);
        let right = above(cursor, level::COMPARE)?;
        Node::op("=", vec![sounds(left), sounds(right)])
    } else {
        cursor.go_to(start);
        return Ok(None);
    };
    Ok(Some(if not { negated(node) } else { node }))
}
