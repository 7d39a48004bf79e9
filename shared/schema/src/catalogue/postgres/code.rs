//! What isn't modelled.

use std::collections::BTreeSet;

use super::{Row, parse, rows};
use crate::{
    Unreadable,
    catalogue::Answers,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    read::postgres::{Code, Reader},
    render::postgres as sql,
};

pub(super) fn opaque(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "routines") {
        match row.find(3) {
            Some(text) => put(reader, &format!("routine {}", row.name(0)?), text, row.owned(5))?,
            None => unknown(reader, &row, "aggregate or window function", row.text(1)?)?,
        }
    }
    for row in rows(answers, "triggers") {
        if row.text(4)? == "O" {
            put(
                reader,
                &format!("trigger {}", row.text(2)?),
                row.text(3)?,
                row.owned(5),
            )?;
        } else {
            unknown(reader, &row, "disabled or replica trigger", row.text(2)?)?;
        }
    }
    for row in rows(answers, "policies") {
        let command = match row.text(4)? {
            "r" => "select",
            "a" => "insert",
            "w" => "update",
            "d" => "delete",
            _ => "all",
        };
        let mut text = format!(
            "create policy {} on {} as {} for {command} to {}",
            sql::name(row.text(2)?),
            sql::qualified(&row.name(0)?),
            if row.is(3)? { "permissive" } else { "restrictive" },
            row.text(5)?
        );
        for (word, at) in [("using", 6), ("with check", 7)] {
            if let Some(condition) = row.find(at) {
                text = format!("{text} {word} ({condition})");
            }
        }
        put(reader, &format!("policy {}", row.text(2)?), &text, row.owned(8))?;
    }
    for row in rows(answers, "privileges") {
        if row.is(5)? || row.text(2)? == "S" {
            unknown(
                reader,
                &row,
                "privilege",
                &format!("of {} on {}", row.text(3)?, row.text(1)?),
            )?;
            continue;
        }
        let role = row.text(3)?;
        let role = if role == "public" {
            role.to_owned()
        } else {
            sql::name(role)
        };
        let words = BTreeSet::from([row.text(4)?.to_ascii_lowercase()]);
        reader.change_privileges(&row.name(0)?, &role, &words, true);
    }
    for row in rows(answers, "others") {
        let name = Name::new(row.text(1)?, format!("{} {}", row.text(0)?, row.text(2)?));
        carry(reader, name);
    }
    Ok(())
}

/// Reads the statement that the server gives for an object.
fn put(reader: &mut Reader, object: &str, text: &str, comment: Option<String>) -> Result<(), Unreadable> {
    let code: Option<Code> = parse(object, text, |cursor| {
        cursor.need("create")?;
        cursor.take_words(&["or", "replace"]);
        reader.code(cursor)
    })?;
    let code = code.ok_or_else(|| Unreadable::of(object, "the server's statement for it is not read"))?;
    let key = code.key.clone();
    reader.put(code);
    if let Some(opaque) = reader.schema.opaque.get_mut(&key) {
        opaque.comment = comment;
    }
    Ok(())
}

/// Carries an object of which no more is known than that it is there.
fn unknown(reader: &mut Reader, row: &Row<'_>, kind: &str, name: &str) -> Result<(), Unreadable> {
    carry(reader, Name::new(row.text(0)?, format!("{kind} {name}")));
    Ok(())
}

fn carry(reader: &mut Reader, name: Name) {
    let key = OpaqueKey {
        kind: OpaqueKind::Other,
        on: None,
        name,
        arguments: None,
    };
    let opaque = Opaque {
        definition: String::new(),
        comment: None,
    };
    reader.schema.opaque.insert(key, opaque);
}
