//! Sequences and how they count.

use super::{Reader, data_type::data_type};
use crate::{
    Unreadable,
    model::{Sequence, SequenceOptions},
    read::Cursor,
};

/// Options as written.
#[derive(Default)]
struct Written {
    increment: Option<i64>,
    min: Option<i64>,
    max: Option<i64>,
    start: Option<i64>,
    cache: Option<i64>,
    cycle: bool,
    data_type: Option<String>,
    owned_by: Option<(Option<String>, String, String)>,
}

/// `(options)`, or none, of an identity column.
pub(super) fn options_in_brackets(
    cursor: &mut Cursor<'_>,
    data_type: &str,
) -> Result<SequenceOptions, Unreadable> {
    let mut written = Written::default();
    if cursor.take_mark("(") {
        written = options(cursor)?;
        cursor.need_mark(")")?;
    }
    Ok(filled(&written, data_type))
}

fn filled(written: &Written, data_type: &str) -> SequenceOptions {
    SequenceOptions {
        cache: written.cache.unwrap_or(1),
        cycle: written.cycle,
        ..SequenceOptions::filled(
            data_type,
            written.increment,
            (written.min, written.max),
            written.start,
        )
    }
}

fn options(cursor: &mut Cursor<'_>) -> Result<Written, Unreadable> {
    let mut found = Written::default();
    loop {
        if cursor.take("increment") {
            cursor.take("by");
            found.increment = Some(cursor.integer()?);
        } else if cursor.take("minvalue") {
            found.min = Some(cursor.integer()?);
        } else if cursor.take("maxvalue") {
            found.max = Some(cursor.integer()?);
        } else if cursor.take("start") {
            cursor.take("with");
            found.start = Some(cursor.integer()?);
        } else if cursor.take("cache") {
            found.cache = Some(cursor.integer()?);
        } else if cursor.take("cycle") {
            found.cycle = true;
        } else if cursor.take("as") {
            found.data_type = Some(data_type(cursor)?.name);
        } else if cursor.take("no") {
            if cursor.take("cycle") {
                found.cycle = false;
            } else if cursor.take("minvalue") {
                found.min = None;
            } else {
                cursor.need("maxvalue")?;
                found.max = None;
            }
        } else if cursor.take_words(&["sequence", "name"]) {
            cursor.qualified()?;
        } else if cursor.take_words(&["owned", "by"]) {
            found.owned_by = owner(cursor)?;
        } else {
            return Ok(found);
        }
    }
}

/// `table.column`, `namespace.table.column` or `none`
fn owner(cursor: &mut Cursor<'_>) -> Result<Option<(Option<String>, String, String)>, Unreadable> {
    if cursor.take("none") {
        return Ok(None);
    }
    let first = cursor.name()?;
    cursor.need_mark(".")?;
    let second = cursor.name()?;
    Ok(Some(if cursor.take_mark(".") {
        (Some(first), second, cursor.name()?)
    } else {
        (None, first, second)
    }))
}

impl Reader {
    /// After `create sequence`.
    pub(super) fn create_sequence(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "not", "exists"]);
        let name = self.object_name(cursor)?;
        let written = options(cursor)?;
        let data_type = written.data_type.clone().unwrap_or_else(|| "bigint".to_owned());
        let owned_by = written
            .owned_by
            .clone()
            .map(|(namespace, table, column)| (self.resolve((namespace, table)), column));
        let sequence = Sequence {
            options: filled(&written, &data_type),
            data_type,
            owned_by,
            comment: None,
        };
        if self.schema.sequences.insert(name.clone(), sequence).is_some() {
            return Err(cursor.fail(format!("a second sequence {name}")));
        }
        Ok(())
    }

    /// After `alter sequence`.
    pub(super) fn alter_sequence(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "exists"]);
        let name = self.object_name(cursor)?;
        cursor.need("owned")?;
        cursor.need("by")?;
        let owned_by =
            owner(cursor)?.map(|(namespace, table, column)| (self.resolve((namespace, table)), column));
        let Some(sequence) = self.schema.sequences.get_mut(&name) else {
            return Err(cursor.fail(format!("there is no sequence {name}")));
        };
        sequence.owned_by = owned_by;
        Ok(())
    }
}
