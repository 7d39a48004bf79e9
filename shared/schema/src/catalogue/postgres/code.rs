//! What isn't modelled.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, parse, rows};
use crate::{
    Unreadable,
    catalogue::Answers,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    read::postgres::{Code, Reader, Target, on_column, routine_types},
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
    privileges(reader, answers)?;
    for row in rows(answers, "others") {
        let name = Name::new(row.text(1)?, format!("{} {}", row.text(0)?, row.text(2)?));
        carry(reader, name);
    }
    Ok(())
}

/// What roles may do. A row without a privilege says that nothing is so by itself.
fn privileges(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    let mut found: BTreeMap<(Target, String), BTreeSet<String>> = BTreeMap::new();
    for row in rows(answers, "privileges") {
        let name = row.name(0)?;
        let target = match row.text(2)? {
            "S" => Target::Sequence(name.clone()),
            "schema" => Target::Schema(name.name.clone()),
            "routine" => {
                let arguments = parse(&name, row.text(6)?, routine_types)?;
                Target::Routine(name.clone(), arguments)
            }
            _ => Target::Table(name.clone()),
        };
        let role = row.text(3)?;
        if row.is(5)? {
            unknown(
                reader,
                &row,
                "privilege with grant option",
                &format!("of {role} on {}", name.name),
            )?;
            continue;
        }
        let role = if role == "public" {
            role.to_owned()
        } else {
            sql::name(role)
        };
        let words = found.entry((target, role)).or_default();
        let word = row.text(4)?.to_ascii_lowercase();
        match (word.as_str(), row.find(6)) {
            ("", _) => {}
            (_, Some(column)) if row.text(2)? == "column" => {
                words.insert(on_column(&word, column));
            }
            _ => {
                words.insert(word);
            }
        }
    }
    for ((target, role), words) in found {
        if !reader.set_privileges(&target, &role, words) {
            carry(
                reader,
                Name::new("", format!("privileges of {role} on {}", target.sql())),
            );
        }
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
