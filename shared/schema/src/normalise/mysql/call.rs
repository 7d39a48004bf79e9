//! Calls of functions, in the common form and in those that SQL made for single ones.

use super::{
    expression::{expression, simple},
    primary::{arguments, interval},
    query::{order_by, window},
};
use crate::{
    Unreadable,
    normalise::Node,
    read::{Cursor, Tok, mysql::data_type},
};

/// Words for functions, and the server's own names of them.
const ALIASES: &[(&str, &str)] = &[
    ("substring", "substr"),
    ("mid", "substr"),
    ("now", "current_timestamp"),
    ("localtime", "current_timestamp"),
    ("localtimestamp", "current_timestamp"),
    ("current_date", "curdate"),
    ("current_time", "curtime"),
    ("lower", "lcase"),
    ("upper", "ucase"),
    ("ceil", "ceiling"),
    ("power", "pow"),
    ("character_length", "char_length"),
    ("day", "dayofmonth"),
    ("schema", "database"),
    ("std", "stddev"),
    ("stddev_pop", "stddev"),
    ("var_pop", "variance"),
    ("sha", "sha1"),
    ("octet_length", "length"),
];

/// A call; the cursor stands on its name, in lower case `word`.
pub(super) fn call(cursor: &mut Cursor<'_>, word: &str) -> Result<Node, Unreadable> {
    cursor.next();
    let node = match word {
        "cast" | "convert" => cast(cursor)?,
        "substr" | "substring" | "mid" => substr(cursor)?,
        "trim" => trim(cursor)?,
        "extract" => {
            cursor.need_mark("(")?;
            let unit = cursor.name()?.to_ascii_lowercase();
            cursor.need("from")?;
            let of = expression(cursor)?;
            cursor.need_mark(")")?;
            Node::op(format!("extract {unit}"), vec![of])
        }
        "position" => {
            cursor.need_mark("(")?;
            let what = simple(cursor)?;
            cursor.need("in")?;
            let within = expression(cursor)?;
            cursor.need_mark(")")?;
            Node::call("locate", vec![what, within])
        }
        "date_add" | "adddate" | "date_sub" | "subdate" => moved(cursor, word)?,
        "group_concat" => group_concat(cursor)?,
        "char" | "values" | "timestampadd" | "timestampdiff" | "get_format" => {
            return Err(cursor.fail(format!("{word}(…) is not read")));
        }
        _ => plain(cursor, word)?,
    };
    if cursor.take("over") {
        let window = if cursor.is_mark("(") {
            window(cursor)?
        } else {
            Node::Path(vec![cursor.name()?])
        };
        return Ok(Node::op("over", vec![node, window]));
    }
    Ok(node)
}

fn plain(cursor: &mut Cursor<'_>, word: &str) -> Result<Node, Unreadable> {
    if word == "count" && cursor.is_mark_ahead(1, "*") {
        for mark in ["(", "*", ")"] {
            cursor.need_mark(mark)?;
        }
        // The server counts noughts.
        return Ok(Node::call("count", vec![Node::Number("0".to_owned())]));
    }
    if cursor.is_word_ahead(1, "distinct") {
        cursor.need_mark("(")?;
        cursor.next();
        let mut kids = vec![expression(cursor)?];
        while cursor.take_mark(",") {
            kids.push(expression(cursor)?);
        }
        cursor.need_mark(")")?;
        kids.push(Node::word("distinct"));
        return Ok(Node::call(word, kids));
    }
    let mut kids = arguments(cursor)?;
    Ok(match (word, kids.len()) {
        ("isnull", 1) => Node::op("is null", kids),
        ("mod", 2) => Node::op("mod", kids),
        ("current_user" | "database" | "schema" | "version" | "user", _) => Node::call(word, kids),
        _ => {
            let name = ALIASES
                .iter()
                .find(|(alias, _)| *alias == word)
                .map_or(word, |(_, name)| name);
            // `now(0)` is `now()`.
            if name == "current_timestamp" && kids == [Node::Number("0".to_owned())] {
                kids.clear();
            }
            Node::call(name, kids)
        }
    })
}

fn cast(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let value = expression(cursor)?;
    if cursor.take("using") {
        let charset = cursor.name()?.to_ascii_lowercase();
        cursor.need_mark(")")?;
        return Ok(Node::op(format!("using {charset}"), vec![value]));
    }
    if !cursor.take_mark(",") {
        cursor.need("as")?;
    }
    let target = if cursor.is_one_of(&["signed", "unsigned"]) {
        let sign = cursor.name()?.to_ascii_lowercase();
        let _word = cursor.take("integer") || cursor.take("int");
        sign
    } else {
        let words = data_type(cursor)?;
        let mut name = words.data_type.to_string();
        // Without a length it is as long as it needs to be.
        if name == "char(1)" || name == "binary(1)" {
            name.truncate(name.len() - 3);
        }
        match words.charset.as_deref() {
            Some("binary") => "binary".to_owned(),
            Some("utf8mb4") | None => name,
            Some(charset) => format!("{name} {charset}"),
        }
    };
    if cursor.is_word("array") {
        return Err(cursor.fail("casts to arrays are not read"));
    }
    cursor.need_mark(")")?;
    Ok(Node::op(format!("cast as {target}"), vec![value]))
}

fn substr(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let mut kids = vec![expression(cursor)?];
    if cursor.take("from") {
        kids.push(expression(cursor)?);
        if cursor.take("for") {
            kids.push(expression(cursor)?);
        }
    }
    while cursor.take_mark(",") {
        kids.push(expression(cursor)?);
    }
    cursor.need_mark(")")?;
    Ok(Node::call("substr", kids))
}

fn trim(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let side = ["leading", "trailing", "both"]
        .into_iter()
        .find(|side| cursor.take(side));
    let mut kids = Vec::new();
    if !cursor.is_word("from") {
        kids.push(expression(cursor)?);
    }
    if cursor.take("from") {
        kids.push(expression(cursor)?);
    }
    cursor.need_mark(")")?;
    Ok(Node::op(format!("trim {}", side.unwrap_or("both")), kids))
}

/// `date_add(moment, interval …)` is `moment + interval …`.
fn moved(cursor: &mut Cursor<'_>, word: &str) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let moment = expression(cursor)?;
    cursor.need_mark(",")?;
    let by = if cursor.take("interval") {
        interval(cursor)?
    } else {
        Node::op("interval day", vec![expression(cursor)?])
    };
    cursor.need_mark(")")?;
    let sign = if word.ends_with("sub") || word.starts_with("sub") {
        "-"
    } else {
        "+"
    };
    Ok(Node::op(sign, vec![moment, by]))
}

fn group_concat(cursor: &mut Cursor<'_>) -> Result<Node, Unreadable> {
    cursor.need_mark("(")?;
    let distinct = cursor.take("distinct");
    let mut kids = vec![expression(cursor)?];
    while cursor.take_mark(",") {
        kids.push(expression(cursor)?);
    }
    if cursor.is_words(&["order", "by"]) {
        kids.push(order_by(cursor)?);
    }
    if cursor.take("separator") {
        let Some(Tok::Str(separator)) = cursor.next() else {
            return Err(cursor.expected("a string"));
        };
        if separator != "," {
            kids.push(Node::op("separator", vec![Node::Str(separator)]));
        }
    }
    cursor.need_mark(")")?;
    if distinct {
        kids.push(Node::word("distinct"));
    }
    Ok(Node::call("group_concat", kids))
}
