//! PostgreSQL's expressions, by its own precedence
//! (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-PRECEDENCE>).

use super::primary;
use crate::{
    Unreadable,
    normalise::Node,
    read::{Cursor, Tok, postgres::data_type::data_type},
};

/// How tightly an operator binds.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARE: u8 = 5;
    pub(super) const LIKE: u8 = 6;
    pub(super) const OTHER: u8 = 7;
    pub(super) const ADD: u8 = 8;
    pub(super) const MULTIPLY: u8 = 9;
    pub(super) const POWER: u8 = 10;
    pub(super) const AT: u8 = 11;
    pub(super) const COLLATE: u8 = 12;
    pub(super) const SIGN: u8 = 13;
    pub(super) const INDEX: u8 = 14;
    pub(super) const CAST: u8 = 15;
}

/// An expression.
pub(crate) fn expression(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    above(cursor, 0)
}

/// What may stand where a keyword could follow: no `and`, `or`, `not`, `in`, `like`, `is` outside of brackets.
pub(crate) fn simple_expression(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    above(cursor, level::LIKE)
}

/// An expression of operators that bind more tightly than `floor`.
fn above(cursor: &mut Cursor<'_>, floor: u8) -> Result<Node, Unreadable> {
    cursor.deeper(|cursor| {
        let mut left = prefix(cursor)?;
        while let Some(next) = infix(cursor, &left, floor)? {
            left = next;
        }
        Ok(left)
    })
}

fn prefix(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    if cursor.take("not") {
        let inner = above(cursor, level::NOT - 1)?;
        return Ok(negated(inner));
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
    if let Some(Tok::Mark(mark)) = cursor.peek()
        && is_operator(mark)
        && mark != "*"
    {
        let mark = mark.clone();
        cursor.next();
        return Ok(Node::op(mark, vec![above(cursor, level::OTHER)?]));
    }
    primary::primary(cursor)
}

fn negated(inner: Node) -> Node {
    Node::op("not", vec![inner])
}

/// Whether the mark is an operator, not punctuation.
fn is_operator(mark: &str) -> bool {
    mark.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c))
}

/// What follows `left`, if it binds more tightly than `floor`.
fn infix(cursor: &mut Cursor<'_>, left: &Node, floor: u8) -> Result<Option<Node>, Unreadable> {
    match cursor.peek() {
        Some(Tok::Mark(mark)) => {
            let mark = mark.clone();
            symbol(cursor, left, &mark, floor)
        }
        Some(Tok::Word(_)) => keyword(cursor, left, floor),
        _ => Ok(None),
    }
}

fn symbol(cursor: &mut Cursor<'_>, left: &Node, mark: &str, floor: u8) -> Result<Option<Node>, Unreadable> {
    let level = match mark {
        "::" => level::CAST,
        "[" => level::INDEX,
        "^" => level::POWER,
        "*" | "/" | "%" => level::MULTIPLY,
        "+" | "-" => level::ADD,
        "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" => level::COMPARE,
        other if is_operator(other) => level::OTHER,
        _ => return Ok(None),
    };
    if level <= floor {
        return Ok(None);
    }
    cursor.next();
    if mark == "::" {
        let as_type = data_type(cursor)?;
        return Ok(Some(super::cast(left.clone(), as_type)));
    }
    if mark == "[" {
        return subscript(cursor, left).map(Some);
    }
    let name = if mark == "!=" { "<>" } else { mark };
    compared(cursor, left, name, level).map(Some)
}

/// The right side of an operator, which may be `any (…)` or `all (…)`.
fn compared(cursor: &mut Cursor<'_>, left: &Node, name: &str, level: u8) -> Result<Node, Unreadable> {
    for (word, quantifier) in [("any", "any"), ("some", "any"), ("all", "all")] {
        if cursor.is_word(word) && cursor.is_mark_ahead(1, "(") {
            cursor.next();
            cursor.need_mark("(")?;
            let set = primary::query_or(cursor, expression)?;
            cursor.need_mark(")")?;
            return Ok(Node::op(format!("{name} {quantifier}"), vec![left.clone(), set]));
        }
    }
    Ok(Node::op(name, vec![left.clone(), above(cursor, level)?]))
}

fn subscript(cursor: &mut Cursor<'_>, left: &Node) -> Result<Node, Unreadable> {
    let bound = |cursor: &mut Cursor<'_>| {
        if cursor.is_mark(":") || cursor.is_mark("]") {
            Ok(Node::word("open"))
        } else {
            expression(cursor)
        }
    };
    let first = bound(cursor)?;
    let node = if cursor.take_mark(":") {
        let last = bound(cursor)?;
        Node::op("slice", vec![left.clone(), first, last])
    } else {
        Node::op("element", vec![left.clone(), first])
    };
    cursor.need_mark("]")?;
    Ok(node)
}

fn keyword(cursor: &mut Cursor<'_>, left: &Node, floor: u8) -> Result<Option<Node>, Unreadable> {
    for (word, level) in [("or", level::OR), ("and", level::AND)] {
        if cursor.is_word(word) {
            if level <= floor {
                return Ok(None);
            }
            cursor.next();
            let right = above(cursor, level)?;
            return Ok(Some(Node::joined(word, left.clone(), right)));
        }
    }
    if floor < level::IS && cursor.is_one_of(&["is", "isnull", "notnull"]) {
        return is(cursor, left).map(Some);
    }
    if floor < level::AT && cursor.is_words(&["at", "time", "zone"]) {
        cursor.take_words(&["at", "time", "zone"]);
        let zone = above(cursor, level::AT)?;
        return Ok(Some(Node::op("at time zone", vec![left.clone(), zone])));
    }
    if floor < level::OTHER
        && cursor.is_word("overlaps")
        && let Node::Op(head, mut kids) = left.clone()
        && head == "row"
    {
        cursor.next();
        let Node::Op(_, more) = above(cursor, level::OTHER)? else {
            return Err(cursor.expected("two moments"));
        };
        kids.extend(more);
        return Ok(Some(Node::call("overlaps", kids)));
    }
    if floor < level::COLLATE && cursor.take("collate") {
        let (namespace, name) = cursor.qualified()?;
        let collation = namespace
            .filter(|namespace| namespace != "pg_catalog")
            .into_iter()
            .chain([name]);
        return Ok(Some(Node::op(
            "collate",
            vec![left.clone(), Node::Path(collation.collect())],
        )));
    }
    if floor < level::OTHER && cursor.is_word("operator") && cursor.is_mark_ahead(1, "(") {
        cursor.next();
        cursor.next();
        if matches!(cursor.ahead(1), Some(Tok::Mark(dot)) if dot == ".") {
            cursor.name()?;
            cursor.next();
        }
        let Some(Tok::Mark(mark)) = cursor.next() else {
            return Err(cursor.expected("an operator"));
        };
        cursor.need_mark(")")?;
        return compared(cursor, left, &mark, level::OTHER).map(Some);
    }
    if floor < level::LIKE {
        return like(cursor, left);
    }
    Ok(None)
}

/// `is …`
fn is(cursor: &mut Cursor<'_>, left: &Node) -> Result<Node, Unreadable> {
    let left = left.clone();
    if cursor.take("isnull") {
        return Ok(Node::op("is null", vec![left]));
    }
    if cursor.take("notnull") {
        return Ok(Node::op("is not null", vec![left]));
    }
    cursor.need("is")?;
    let not = cursor.take("not");
    if cursor.take_words(&["distinct", "from"]) {
        let right = above(cursor, level::IS)?;
        let distinct = Node::op("is distinct from", vec![left, right]);
        return Ok(if not { negated(distinct) } else { distinct });
    }
    for word in ["null", "true", "false", "unknown", "document", "normalized"] {
        if cursor.take(word) {
            let name = if not {
                format!("is not {word}")
            } else {
                format!("is {word}")
            };
            return Ok(Node::op(name, vec![left]));
        }
    }
    Err(cursor.expected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM"))
}

/// `[not] in | like | ilike | similar to | between …`
fn like(cursor: &mut Cursor<'_>, left: &Node) -> Result<Option<Node>, Unreadable> {
    let not = cursor.is_word("not");
    let by = usize::from(not);
    let is = |word: &str| cursor.is_word_ahead(by, word);
    let Some(word) = ["in", "like", "ilike", "similar", "between"]
        .into_iter()
        .find(|word| is(word))
    else {
        return Ok(None);
    };
    cursor.go_to(cursor.position() + by + 1);
    let left = left.clone();
    let node = match word {
        "in" => is_in(cursor, left, not)?,
        "between" => between(cursor, left, not)?,
        _ => {
            if word == "similar" {
                cursor.need("to")?;
            }
            let pattern = above(cursor, level::LIKE)?;
            let escape = if cursor.take("escape") {
                Some(above(cursor, level::LIKE)?)
            } else {
                None
            };
            let (name, escaping) = match (word, not) {
                ("like", false) => ("~~", "like_escape"),
                ("like", true) => ("!~~", "like_escape"),
                ("ilike", false) => ("~~*", "like_escape"),
                ("ilike", true) => ("!~~*", "like_escape"),
                (_, false) => ("~", "similar_to_escape"),
                (_, true) => ("!~", "similar_to_escape"),
            };
            let pattern = match escape {
                Some(escape) => Node::call(escaping, vec![pattern, escape]),
                None if word == "similar" => Node::call(escaping, vec![pattern]),
                None => pattern,
            };
            Node::op(name, vec![left, pattern])
        }
    };
    Ok(Some(node))
}

/// As the server rewrites it: constants into an array, what has columns in it one by one.
fn is_in(cursor: &mut Cursor<'_>, left: Node, not: bool) -> Result<Node, Unreadable> {
    let (equal, quantifier, joint) = if not {
        ("<>", "all", "and")
    } else {
        ("=", "any", "or")
    };
    cursor.need_mark("(")?;
    if let Some(query) = primary::subquery(cursor)? {
        cursor.need_mark(")")?;
        let found = Node::op("= any", vec![left, query]);
        return Ok(if not { negated(found) } else { found });
    }
    let mut values = vec![expression(cursor)?];
    while cursor.take_mark(",") {
        values.push(expression(cursor)?);
    }
    cursor.need_mark(")")?;
    let (variables, constants): (Vec<Node>, Vec<Node>) = values.into_iter().partition(Node::has_variables);
    let is_row = matches!(&left, Node::Op(name, _) if name == "row");
    let mut tests = Vec::new();
    if constants.len() > 1 && !is_row {
        tests.push(Node::op(
            format!("{equal} {quantifier}"),
            vec![left.clone(), Node::op("array", constants)],
        ));
    } else {
        tests.extend(
            constants
                .into_iter()
                .map(|value| Node::op(equal, vec![left.clone(), value])),
        );
    }
    tests.extend(
        variables
            .into_iter()
            .map(|value| Node::op(equal, vec![left.clone(), value])),
    );
    let mut tests = tests.into_iter();
    let first = tests.next().ok_or_else(|| cursor.expected("a value"))?;
    Ok(tests.fold(first, |left, right| Node::joined(joint, left, right)))
}

fn between(cursor: &mut Cursor<'_>, left: Node, not: bool) -> Result<Node, Unreadable> {
    let symmetric = cursor.take("symmetric");
    cursor.take("asymmetric");
    let low = above(cursor, level::LIKE)?;
    cursor.need("and")?;
    let high = above(cursor, level::LIKE)?;
    let compare = |name: &str, right: &Node| Node::op(name, vec![left.clone(), right.clone()]);
    let within = |low: &Node, high: &Node| {
        if not {
            Node::joined("or", compare("<", low), compare(">", high))
        } else {
            Node::joined("and", compare(">=", low), compare("<=", high))
        }
    };
    Ok(if symmetric {
        let joint = if not { "and" } else { "or" };
        Node::joined(joint, within(&low, &high), within(&high, &low))
    } else {
        within(&low, &high)
    })
}
