//! Functions and procedures: not modelled, but brought into one form.

use super::{Reader, data_type::data_type, expression_text, text_or_name};
use crate::{
    Unreadable,
    model::{DataType, Name, Opaque, OpaqueKey, OpaqueKind},
    normalise::{Node, postgres::expression},
    read::{Cursor, Tok},
    render::{dollar_quoted, postgres as sql},
};

/// An object that isn't modelled, as read.
pub(crate) struct Code {
    pub(crate) key: OpaqueKey,
    /// The statement that makes it, in one form.
    pub(crate) definition: String,
    /// The same as a tree, for comparison.
    pub(crate) node: Node,
}

struct Argument {
    sql: String,
    node: Node,
    /// Its type, if it is given by the caller.
    given: Option<String>,
}

/// A type in a routine's head; `public` is where every session looks.
fn head_type(cursor: &mut Cursor<'_>) -> Result<DataType, Unreadable> {
    let mut found = data_type(cursor)?;
    found.namespace = found.namespace.filter(|namespace| namespace != "public");
    // A routine's types have no lengths.
    found.arguments.clear();
    Ok(found)
}

fn argument(cursor: &mut Cursor<'_>) -> Result<Argument, Unreadable> {
    let mode = ["in", "out", "inout", "variadic"]
        .into_iter()
        .find(|mode| cursor.is_word(mode) && !cursor.is_mark_ahead(1, ",") && !cursor.is_mark_ahead(1, ")"));
    if mode.is_some() {
        cursor.next();
    }
    let ends = |cursor: &Cursor<'_>| {
        cursor.is_mark(",") || cursor.is_mark(")") || cursor.is_mark("=") || cursor.is_word("default")
    };
    let start = cursor.position();
    let (name, of) = match head_type(cursor) {
        Ok(of) if ends(cursor) => (None, of),
        _ => {
            cursor.go_to(start);
            (Some(cursor.name()?), head_type(cursor)?)
        }
    };
    let of = sql::data_type(&of);
    let mut text = mode
        .filter(|mode| *mode != "in")
        .map_or_else(String::new, |mode| format!("{mode} "));
    if let Some(name) = &name {
        text.push_str(&sql::name(name));
        text.push(' ');
    }
    text.push_str(&of);
    let mut kids = vec![Node::Str(text.clone())];
    if cursor.take("default") || cursor.take_mark("=") {
        let (default, node) = expression_text(cursor, expression)?;
        text = format!("{text} default {default}");
        kids.push(node);
    }
    Ok(Argument {
        sql: text,
        node: Node::op("argument", kids),
        given: Some(of).filter(|_| mode != Some("out")),
    })
}

fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<Argument>, Unreadable> {
    if cursor.is_mark("(") && cursor.is_mark_ahead(1, ")") {
        cursor.next();
        cursor.next();
        return Ok(Vec::new());
    }
    cursor.list(argument)
}

/// The types of the arguments that a caller gives, as a routine's key has them.
pub(super) fn given_types(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let given: Vec<String> = arguments(cursor)?
        .into_iter()
        .filter_map(|argument| argument.given)
        .collect();
    Ok(given.join(", "))
}

/// The same of a list without brackets, as the catalogue has it.
pub(crate) fn given_types_of(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let mut given = Vec::new();
    while !cursor.is_done() {
        given.extend(argument(cursor)?.given);
        if !cursor.take_mark(",") {
            break;
        }
    }
    Ok(given.join(", "))
}

/// After `returns`.
fn returned(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    if cursor.take("table") {
        let columns = cursor.list(|cursor| {
            Ok(format!(
                "{} {}",
                sql::name(&cursor.name()?),
                sql::data_type(&head_type(cursor)?)
            ))
        })?;
        return Ok(format!("table({})", columns.join(", ")));
    }
    let set = if cursor.take("setof") { "setof " } else { "" };
    Ok(format!("{set}{}", sql::data_type(&head_type(cursor)?)))
}

/// What follows a routine's head; what is so anyway is left out.
#[derive(Default)]
struct Options {
    language: String,
    words: Vec<String>,
    body: Option<Vec<String>>,
}

fn option(cursor: &mut Cursor<'_>, found: &mut Options) -> Result<(), Unreadable> {
    const PLAIN: &[(&[&str], &str)] = &[
        (&["immutable"], "immutable"),
        (&["stable"], "stable"),
        (&["volatile"], ""),
        (&["not", "leakproof"], ""),
        (&["leakproof"], "leakproof"),
        (&["strict"], "strict"),
        (&["returns", "null", "on", "null", "input"], "strict"),
        (&["called", "on", "null", "input"], ""),
        (&["external", "security", "definer"], "security definer"),
        (&["external", "security", "invoker"], ""),
        (&["security", "definer"], "security definer"),
        (&["security", "invoker"], ""),
        (&["parallel", "safe"], "parallel safe"),
        (&["parallel", "restricted"], "parallel restricted"),
        (&["parallel", "unsafe"], ""),
        (&["window"], "window"),
    ];
    if let Some((_, word)) = PLAIN.iter().find(|(words, _)| cursor.take_words(words)) {
        found
            .words
            .extend(Some((*word).to_owned()).filter(|word| !word.is_empty()));
    } else if cursor.take("language") {
        found.language = text_or_name(cursor)?.to_ascii_lowercase();
    } else if cursor.is_one_of(&["cost", "rows"]) {
        let is_cost = cursor.take("cost");
        if !is_cost {
            cursor.next();
        }
        let Some(Tok::Number(number)) = cursor.next() else {
            return Err(cursor.expected("a number"));
        };
        let (word, usual) = if is_cost {
            ("cost", "100")
        } else {
            ("rows", "1000")
        };
        found
            .words
            .extend(Some(format!("{word} {number}")).filter(|_| number != usual));
    } else if cursor.take("set") {
        found.words.push(setting(cursor)?);
    } else if cursor.take("as") {
        let mut body = vec![cursor.string()?];
        if cursor.take_mark(",") {
            body.push(cursor.string()?);
        }
        found.body = Some(body);
    } else {
        return Err(cursor.fail("this part of a routine is not read; a body is a string after AS"));
    }
    Ok(())
}

/// `name to value, value`
fn setting(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let mut name = cursor.name()?;
    while cursor.take_mark(".") {
        name = format!("{name}.{}", cursor.name()?);
    }
    if !cursor.take("to") {
        cursor.need_mark("=")?;
    }
    let value = |cursor: &mut Cursor<'_>| match cursor.next() {
        Some(Tok::Number(value) | Tok::Str(value) | Tok::Quoted(value)) => Ok(sql::string(&value)),
        Some(Tok::Word(value)) => Ok(sql::string(&value.to_ascii_lowercase())),
        _ => Err(cursor.expected("a value")),
    };
    let mut values = vec![value(cursor)?];
    while cursor.take_mark(",") {
        values.push(value(cursor)?);
    }
    Ok(format!("set {name} to {}", values.join(", ")))
}

impl Reader {
    /// After `create [or replace] function | procedure`.
    pub(crate) fn routine(&self, cursor: &mut Cursor<'_>, kind: OpaqueKind) -> Result<Code, Unreadable> {
        let name = self.object_name(cursor)?;
        let arguments = arguments(cursor)?;
        let returns = if cursor.take("returns") {
            Some(returned(cursor)?)
        } else {
            None
        };
        let mut options = Options::default();
        while !cursor.is_done() {
            option(cursor, &mut options)?;
        }
        let Some(body) = options.body else {
            return Err(cursor.expected("AS and the body"));
        };
        if options.language.is_empty() {
            return Err(cursor.fail("a routine without LANGUAGE"));
        }
        options.words.sort();
        let list: Vec<&str> = arguments.iter().map(|argument| argument.sql.as_str()).collect();
        let given: Vec<String> = arguments
            .iter()
            .filter_map(|argument| argument.given.clone())
            .collect();
        let word = kind.words();
        let mut definition = format!(
            "create or replace {word} {}({})",
            sql::qualified(&name),
            list.join(", ")
        );
        let returns = returns.map_or_else(String::new, |returns| format!(" returns {returns}"));
        definition.push_str(&returns);
        let mut tail = format!(" language {}", sql::name(&options.language));
        for word in &options.words {
            tail.push(' ');
            tail.push_str(word);
        }
        let bodies: Vec<String> = body.iter().map(|body| dollar_quoted(body)).collect();
        tail.push_str(" as ");
        tail.push_str(&bodies.join(", "));
        definition.push_str(&tail);
        let mut kids: Vec<Node> = arguments.into_iter().map(|argument| argument.node).collect();
        kids.push(Node::Str(returns + &tail));
        Ok(Code {
            key: OpaqueKey {
                kind,
                on: None,
                name,
                arguments: Some(given.join(", ")),
            },
            definition,
            node: Node::op("routine", kids),
        })
    }

    /// Puts an object that isn't modelled into the schema; one that is made again replaces the one before.
    pub(crate) fn put(&mut self, code: Code) {
        let opaque = Opaque {
            definition: code.definition,
            comment: None,
        };
        self.schema.opaque.insert(code.key, opaque);
    }
}

/// The key of something on a table.
pub(super) fn key_on(kind: OpaqueKind, name: String, on: Name) -> OpaqueKey {
    OpaqueKey {
        kind,
        name: Name::new("", name),
        on: Some(on),
        arguments: None,
    }
}
