//! Triggers and policies: not modelled, but brought into one form.

use std::collections::BTreeSet;

use super::{
    Reader,
    constraint::deferral,
    expression_text,
    privilege::roles_after,
    routine::{Code, key_on},
};
use crate::{
    Unreadable,
    model::{Deferral, OpaqueKind},
    normalise::{Node, postgres::expression},
    read::Cursor,
    render::postgres as sql,
};

impl Reader {
    /// After `create [or replace] [constraint] trigger`.
    pub(crate) fn trigger(&self, cursor: &mut Cursor<'_>, constraint: bool) -> Result<Code, Unreadable> {
        let name = cursor.name()?;
        let when = if cursor.take_words(&["instead", "of"]) {
            "instead of"
        } else if cursor.take("before") {
            "before"
        } else {
            cursor.need("after")?;
            "after"
        };
        let mut events = vec![event(cursor)?];
        while cursor.take("or") {
            events.push(event(cursor)?);
        }
        // The server's own order.
        events.sort_by_key(|event| {
            ["insert", "delete", "update", "truncate"]
                .iter()
                .position(|word| event.starts_with(word))
        });
        cursor.need("on")?;
        let on = self.object_name(cursor)?;
        if cursor.is_word("from") {
            return Err(cursor.fail("a constraint trigger that refers to another table is not read"));
        }
        let deferral_of = deferral(cursor)?;
        let mut tables = String::new();
        if cursor.take("referencing") {
            while cursor.is_one_of(&["old", "new"]) {
                let which = cursor.name()?;
                cursor.need("table")?;
                cursor.take("as");
                tables = format!("{tables} {which} table as {}", sql::name(&cursor.name()?));
            }
            tables = format!(" referencing{tables}");
        }
        let mut each = "statement";
        if cursor.take("for") {
            cursor.take("each");
            if cursor.take("row") {
                each = "row";
            } else {
                cursor.need("statement")?;
            }
        }
        let condition = if cursor.take("when") {
            cursor.need_mark("(")?;
            let found = expression_text(cursor, expression)?;
            cursor.need_mark(")")?;
            Some(found)
        } else {
            None
        };
        cursor.need("execute")?;
        if !cursor.take("procedure") {
            cursor.need("function")?;
        }
        let function = self.object_name(cursor)?;
        let arguments = if cursor.is_mark_ahead(1, ")") {
            cursor.next();
            cursor.next();
            Vec::new()
        } else {
            cursor.list(Cursor::string)?
        };
        let arguments: Vec<String> = arguments.iter().map(|argument| sql::string(argument)).collect();
        let kind = if constraint {
            "constraint trigger"
        } else {
            "trigger"
        };
        let later = match deferral_of {
            Deferral::NotDeferrable => "",
            Deferral::InitiallyImmediate => " deferrable",
            Deferral::InitiallyDeferred => " deferrable initially deferred",
        };
        let head = format!(
            "create {kind} {} {when} {} on {}{later}{tables} for each {each}",
            sql::name(&name),
            events.join(" or "),
            sql::qualified(&on)
        );
        let tail = format!(
            " execute function {}({})",
            sql::qualified(&function),
            arguments.join(", ")
        );
        let when = condition
            .as_ref()
            .map_or_else(String::new, |(text, _)| format!(" when ({text})"));
        let mut kids = vec![Node::Str(head.clone()), Node::Str(tail.clone())];
        kids.extend(condition.map(|(_, node)| node));
        Ok(Code {
            key: key_on(OpaqueKind::Trigger, name, on),
            definition: head + &when + &tail,
            node: Node::op("trigger", kids),
        })
    }

    /// After `create policy`.
    pub(crate) fn policy(&self, cursor: &mut Cursor<'_>) -> Result<Code, Unreadable> {
        let name = cursor.name()?;
        cursor.need("on")?;
        let on = self.object_name(cursor)?;
        let permissive = !cursor.take("as") || {
            let restrictive = cursor.take("restrictive");
            if !restrictive {
                cursor.need("permissive")?;
            }
            !restrictive
        };
        let command = if cursor.take("for") {
            cursor.name()?
        } else {
            "all".to_owned()
        };
        let mut roles = BTreeSet::new();
        if cursor.take("to") {
            roles = roles_after(cursor)?;
        }
        if roles.is_empty() {
            roles.insert("public".to_owned());
        }
        let condition = |cursor: &mut Cursor<'_>| {
            cursor.need_mark("(")?;
            let found = expression_text(cursor, expression)?;
            cursor.need_mark(")")?;
            Ok::<_, Unreadable>(found)
        };
        let using = if cursor.take("using") {
            Some(condition(cursor)?)
        } else {
            None
        };
        let check = if cursor.take_words(&["with", "check"]) {
            Some(condition(cursor)?)
        } else {
            None
        };
        let kind = if permissive { "permissive" } else { "restrictive" };
        let roles: Vec<String> = roles.into_iter().collect();
        let head = format!(
            "create policy {} on {} as {kind} for {command} to {}",
            sql::name(&name),
            sql::qualified(&on),
            roles.join(", ")
        );
        let mut definition = head.clone();
        let mut kids = vec![Node::Str(head)];
        for (word, found) in [("using", using), ("with check", check)] {
            if let Some((text, node)) = found {
                definition = format!("{definition} {word} ({text})");
                kids.push(Node::op(word, vec![node]));
            }
        }
        Ok(Code {
            key: key_on(OpaqueKind::Policy, name, on),
            definition,
            node: Node::op("policy", kids),
        })
    }
}

/// `insert`, `update of a, b`…
fn event(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    for word in ["insert", "delete", "truncate"] {
        if cursor.take(word) {
            return Ok(word.to_owned());
        }
    }
    cursor.need("update")?;
    if !cursor.take("of") {
        return Ok("update".to_owned());
    }
    let mut columns = vec![sql::name(&cursor.name()?)];
    while cursor.take_mark(",") {
        columns.push(sql::name(&cursor.name()?));
    }
    Ok(format!("update of {}", columns.join(", ")))
}
