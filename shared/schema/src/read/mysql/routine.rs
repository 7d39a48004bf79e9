//! Triggers, events and routines: carried as definitions whose head is in one form and whose body is as it was written.

use super::object_name;
use crate::{
    Dialect, Unreadable,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    read::{Cursor, Tok},
    render::{quoted_name, quoted_string},
};

/// After `create [or replace]`: an object that isn't modelled, if one follows.
pub(super) fn opaque(cursor: &mut Cursor<'_>) -> Result<Option<(OpaqueKey, Opaque)>, Unreadable> {
    let start = cursor.position();
    let definer = definer(cursor)?;
    let found = if cursor.take("trigger") {
        trigger(cursor, definer.as_deref())?
    } else if cursor.take("event") {
        event(cursor, definer.as_deref())?
    } else if cursor.is_one_of(&["procedure", "function", "aggregate"]) {
        return Err(cursor.fail("procedures and functions are not read yet"));
    } else {
        cursor.go_to(start);
        return Ok(None);
    };
    Ok(Some(found))
}

/// `definer = user@host`, as the catalogue writes it; nothing for who makes it.
pub(super) fn definer(cursor: &mut Cursor<'_>) -> Result<Option<String>, Unreadable> {
    if !cursor.take("definer") {
        return Ok(None);
    }
    cursor.need_mark("=")?;
    if cursor.take("current_user") {
        if cursor.take_mark("(") {
            cursor.need_mark(")")?;
        }
        return Ok(None);
    }
    let user = super::word(cursor)?;
    let host = if cursor.take_mark("@") {
        super::word(cursor)?
    } else {
        "%".to_owned()
    };
    Ok(Some(format!("{user}@{host}")))
}

/// `definer=…` as SQL, with a blank after it.
pub(crate) fn definer_sql(definer: Option<&str>) -> String {
    definer.map_or_else(String::new, |definer| {
        let (user, host) = definer.rsplit_once('@').unwrap_or((definer, "%"));
        let quoted = |name| quoted_name(Dialect::MySql, name);
        format!("definer={}@{} ", quoted(user), quoted(host))
    })
}

fn name_sql(name: &Name) -> String {
    quoted_name(Dialect::MySql, &name.name)
}

/// Everything from here on, as it was written.
fn body(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let from = cursor.position();
    while cursor.next().is_some() {}
    let text = cursor.raw_since(from);
    if text.is_empty() {
        return Err(cursor.expected("a body"));
    }
    Ok(text)
}

fn trigger(cursor: &mut Cursor<'_>, definer: Option<&str>) -> Result<(OpaqueKey, Opaque), Unreadable> {
    cursor.take_words(&["if", "not", "exists"]);
    let name = object_name(cursor)?;
    let timing = cursor.name()?.to_ascii_lowercase();
    let event = cursor.name()?.to_ascii_lowercase();
    cursor.need("on")?;
    let on = object_name(cursor)?;
    cursor.take_words(&["for", "each", "row"]);
    if cursor.is_one_of(&["follows", "precedes"]) {
        return Err(cursor.fail("the order of a table's triggers is not modelled"));
    }
    let body = body(cursor)?;
    Ok(trigger_of(&name, &on, definer, (&timing, &event), &body))
}

/// A trigger in its one form.
pub(crate) fn trigger_of(
    name: &Name,
    on: &Name,
    definer: Option<&str>,
    (timing, event): (&str, &str),
    body: &str,
) -> (OpaqueKey, Opaque) {
    let definition = format!(
        "create {}trigger {} {timing} {event} on {} for each row {body}",
        definer_sql(definer),
        name_sql(name),
        name_sql(on)
    );
    let key = OpaqueKey {
        kind: OpaqueKind::Trigger,
        on: Some(on.clone()),
        name: name.clone(),
        arguments: None,
    };
    (
        key,
        Opaque {
            definition,
            comment: None,
        },
    )
}

/// What an event says before its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EventHead {
    /// `every '1' day` or `at '…'`, in lower case but for strings.
    pub(crate) schedule: String,
    pub(crate) starts: Option<String>,
    pub(crate) ends: Option<String>,
    pub(crate) preserve: bool,
    /// `enable`, `disable` or `disable on slave`.
    pub(crate) status: String,
    pub(crate) comment: Option<String>,
}

fn event(cursor: &mut Cursor<'_>, definer: Option<&str>) -> Result<(OpaqueKey, Opaque), Unreadable> {
    cursor.take_words(&["if", "not", "exists"]);
    let name = object_name(cursor)?;
    let mut head = EventHead {
        status: "enable".to_owned(),
        ..EventHead::default()
    };
    cursor.need("on")?;
    cursor.need("schedule")?;
    if cursor.take("at") {
        head.schedule = format!("at {}", moment(cursor)?);
    } else {
        cursor.need("every")?;
        let Some(Tok::Str(value) | Tok::Number(value)) = cursor.next() else {
            return Err(cursor.expected("how often"));
        };
        let field = cursor.name()?.to_ascii_lowercase();
        head.schedule = every(&value, &field);
        if cursor.take("starts") {
            head.starts = Some(moment(cursor)?);
        }
        if cursor.take("ends") {
            head.ends = Some(moment(cursor)?);
        }
    }
    if cursor.take_words(&["on", "completion"]) {
        head.preserve = !cursor.take("not");
        cursor.need("preserve")?;
    }
    if cursor.take("disable") {
        let on_slave = cursor.take_words(&["on", "slave"]) || cursor.take_words(&["on", "replica"]);
        if on_slave { "disable on slave" } else { "disable" }.clone_into(&mut head.status);
    } else {
        cursor.take("enable");
    }
    if cursor.take("comment") {
        head.comment = Some(cursor.string()?).filter(|comment| !comment.is_empty());
    }
    cursor.need("do")?;
    let body = body(cursor)?;
    Ok(event_of(&name, definer, &head, &body))
}

/// `every '1' day`
pub(crate) fn every(value: &str, field: &str) -> String {
    format!(
        "every {} {field}",
        quoted_string(Dialect::MySql, value.trim_matches('\''))
    )
}

/// A time that is said outright; one that is computed is another at each run.
fn moment(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    cursor.take("timestamp");
    match cursor.peek() {
        Some(Tok::Str(_)) => Ok(quoted_string(Dialect::MySql, &cursor.string()?)),
        _ => Err(cursor.fail("a time that the server computes when it makes the event; write the time")),
    }
}

/// An event in its one form.
pub(crate) fn event_of(
    name: &Name,
    definer: Option<&str>,
    head: &EventHead,
    body: &str,
) -> (OpaqueKey, Opaque) {
    let option = |word: &str, value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!(" {word} {value}"))
    };
    let comment = head
        .comment
        .as_ref()
        .map(|comment| quoted_string(Dialect::MySql, comment));
    let definition = format!(
        "create {}event {} on schedule {}{}{} on completion {}preserve {}{} do {body}",
        definer_sql(definer),
        name_sql(name),
        head.schedule,
        option("starts", &head.starts),
        option("ends", &head.ends),
        if head.preserve { "" } else { "not " },
        head.status,
        option("comment", &comment),
    );
    let key = OpaqueKey {
        kind: OpaqueKind::Event,
        on: None,
        name: name.clone(),
        arguments: None,
    };
    (
        key,
        Opaque {
            definition,
            comment: None,
        },
    )
}

/// Both definitions without what only one of them says: who made it, when it began.
pub(crate) fn canonical(from: &str, to: &str) -> Option<(Vec<Tok>, Vec<Tok>)> {
    let tokens = |text: &str| -> Option<Vec<Tok>> {
        let mut cursor = Cursor::new(Dialect::MySql, text, 1).ok()?;
        Some(std::iter::from_fn(|| cursor.next()).collect())
    };
    let (mut from, mut to) = (tokens(from)?, tokens(to)?);
    let word = |tok: &Tok, word: &str| matches!(tok, Tok::Word(here) if here == word);
    let has_definer = |of: &[Tok]| of.get(1).is_some_and(|tok| word(tok, "definer"));
    if has_definer(&from) != has_definer(&to) {
        // `create definer = user @ host …`
        for side in [&mut from, &mut to] {
            if has_definer(side) {
                side.drain(1..6);
            }
        }
    }
    let starts = |of: &[Tok]| {
        of.iter()
            .take_while(|tok| !word(tok, "do"))
            .position(|tok| word(tok, "starts"))
    };
    if starts(&from).is_some()
        && starts(&to).is_none()
        && to.get(1).is_some_and(|tok| word(tok, "event")) | to.get(6).is_some_and(|tok| word(tok, "event"))
        && let Some(at) = starts(&from)
    {
        from.drain(at..at + 2);
    }
    Some((from, to))
}
