//! What changes in a table, as the servers' documents cut it ([`Change`]).

use std::collections::BTreeMap;

use super::{
    columns::{self, Moves},
    online::Change,
    same::{same_check, same_column, same_expressions, same_index, same_key},
};
use crate::model::{Column, DataType, Index, Table};

/// What changes between two settled tables; `renames` are new names of columns to old ones, and `from` has the new ones.
pub(super) fn changes(
    (from, to): (&Table, &Table),
    renames: &BTreeMap<String, String>,
    drops: bool,
) -> Vec<Change> {
    let mut all = Vec::new();
    of_columns((from, to), renames, drops, &mut all);
    of_indexes(from, to, drops, &mut all);
    match (&from.primary_key, &to.primary_key) {
        (None, Some(_)) => all.push(Change::AddPrimaryKey),
        (Some(_), None) => all.push(Change::DropPrimaryKey),
        (Some(old), Some(new)) if !same_key(old, new) => all.push(Change::OtherPrimaryKey),
        (Some(_), Some(_)) | (None, None) => {}
    }
    for (name, old) in &from.checks {
        if !to.checks.get(name).is_some_and(|new| same_check(old, new))
            && (drops || to.checks.contains_key(name))
        {
            all.push(Change::DropCheck);
        }
    }
    for (name, new) in &to.checks {
        if !from.checks.get(name).is_some_and(|old| same_check(old, new)) {
            all.push(Change::AddCheck);
        }
    }
    if from.engine != to.engine {
        all.push(Change::Engine);
    }
    if from.collation != to.collation || from.charset != to.charset {
        all.push(Change::DefaultCharset);
    }
    if from.options != to.options {
        all.push(Change::RowFormat);
    }
    if from.comment != to.comment {
        all.push(Change::CommentOfTable);
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn of_columns(
    (from, to): (&Table, &Table),
    renames: &BTreeMap<String, String>,
    drops: bool,
    all: &mut Vec<Change>,
) {
    let remade = columns::remade(from, to);
    let is_remade = |name: &str| remade.iter().any(|other| other == name);
    for old in &from.columns {
        if is_remade(&old.name) || (to.column(&old.name).is_none() && drops) {
            all.push(match &old.generated {
                Some(generated) if generated.stored => Change::DropStoredColumn,
                Some(_) => Change::DropVirtualColumn,
                None => Change::DropColumn,
            });
        }
    }
    let kept: Vec<&str> = from
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !is_remade(name) && (to.column(name).is_some() || !drops))
        .collect();
    let wanted: Vec<&str> = to.columns.iter().map(|column| column.name.as_str()).collect();
    let moves = Moves::between(&kept, &wanted);
    let is_new = |column: &Column| from.column(&column.name).is_none() || is_remade(&column.name);
    for (at, new) in to.columns.iter().enumerate() {
        if is_new(new) {
            let last = to.columns[at..].iter().all(is_new) && kept.iter().all(|name| wanted.contains(name));
            all.push(match &new.generated {
                Some(generated) if generated.stored => Change::AddStoredColumn,
                Some(_) => Change::AddVirtualColumn,
                None if new.auto_increment => Change::AddCountedColumn,
                None if last => Change::AddColumnLast,
                None => Change::AddColumnBetween,
            });
            continue;
        }
        if renames.contains_key(&new.name) {
            all.push(Change::RenameColumn);
        }
        if moves.moves(&new.name) {
            all.push(Change::MoveColumn);
        }
        if let Some(old) = from.column(&new.name).filter(|old| !same_column(old, new)) {
            of_column(old, new, to, all);
        }
    }
}

fn of_column(old: &Column, new: &Column, table: &Table, all: &mut Vec<Change>) {
    let before = all.len();
    if old.data_type != new.data_type {
        all.push(retyped(old, new, table));
    }
    if old.collation != new.collation
        || old.charset != new.charset
        || old.auto_increment != new.auto_increment
    {
        all.push(Change::TypeOfColumn);
    }
    match (old.nullable, new.nullable) {
        (true, false) => all.push(Change::ColumnMayNotBeNull),
        (false, true) => all.push(Change::ColumnMayBeNull),
        (true, true) | (false, false) => {}
    }
    if !same_expressions(old.check.as_ref(), new.check.as_ref()) {
        all.push(Change::AddCheck);
    }
    if old.default != new.default || !same_expressions(old.on_update.as_ref(), new.on_update.as_ref()) {
        all.push(Change::DefaultOfColumn);
    }
    if old.comment != new.comment || old.invisible != new.invisible || all.len() == before {
        all.push(Change::CommentOfColumn);
    }
}

fn retyped(old: &Column, new: &Column, table: &Table) -> Change {
    let (a, b) = (&old.data_type, &new.data_type);
    match (a.name.as_str(), b.name.as_str()) {
        ("varchar", "varchar") | ("varbinary", "varbinary") => {
            // A value's length takes one byte up to 255 bytes, and two beyond.
            let bytes = |of: &DataType| {
                let long: Option<u64> = of.arguments.first().and_then(|text| text.parse().ok());
                long.map(|long| {
                    long * if of.name == "varbinary" {
                        1
                    } else {
                        width(new, table)
                    }
                })
            };
            match (bytes(a), bytes(b)) {
                (Some(a), Some(b)) if a <= b && (a > 255) == (b > 255) => Change::LongerVarchar,
                _ => Change::TypeOfColumn,
            }
        }
        ("enum", "enum") | ("set", "set") => {
            let steps = |of: &DataType| {
                let values = of.values.len();
                if of.name == "set" {
                    values.div_ceil(8)
                } else {
                    usize::from(values > 255)
                }
            };
            if b.values.starts_with(&a.values) && steps(a) == steps(b) {
                Change::LongerEnum
            } else {
                Change::TypeOfColumn
            }
        }
        // Only the width in which it is shown.
        (x, y) if x == y && x.ends_with("int") && a.unsigned == b.unsigned && a.zerofill == b.zerofill => {
            Change::CommentOfColumn
        }
        _ => Change::TypeOfColumn,
    }
}

/// Bytes that a character takes at most.
fn width(column: &Column, table: &Table) -> u64 {
    let charset = column.charset.as_deref().or(table.charset.as_deref());
    match charset {
        Some("latin1" | "ascii" | "binary" | "latin2" | "cp1251" | "latin5" | "greek") => 1,
        Some("utf8" | "utf8mb3") => 3,
        _ => 4,
    }
}

fn of_indexes(from: &Table, to: &Table, drops: bool, all: &mut Vec<Change>) {
    let same = |name: &String, index: &Index, other: &Table| {
        other
            .indexes
            .get(name)
            .is_some_and(|found| same_index(found, index))
    };
    let gone_by_name: Vec<&String> = to
        .indexes
        .iter()
        .filter_map(|(name, index)| renamed((from, to), name, index))
        .collect();
    for (name, index) in &to.indexes {
        if renamed((from, to), name, index).is_some() {
            all.push(Change::RenameIndex);
        } else if !same(name, index, from) {
            all.push(match index.method.as_str() {
                "fulltext" => Change::AddFulltext,
                "spatial" => Change::AddSpatial,
                _ => Change::AddIndex,
            });
        }
    }
    for (name, index) in &from.indexes {
        let goes = !same(name, index, to) && !gone_by_name.contains(&name);
        if goes && (drops || to.indexes.contains_key(name)) {
            all.push(Change::DropIndex);
        }
    }
}

/// What an index was called, if that is all that changes of it.
fn renamed<'i>((from, to): (&Table, &Table), name: &str, index: &'i Index) -> Option<&'i String> {
    let old = index
        .renamed_from
        .as_ref()
        .filter(|_| !from.indexes.contains_key(name))?;
    let is_it =
        !to.indexes.contains_key(old) && from.indexes.get(old).is_some_and(|of| same_index(of, index));
    is_it.then_some(old)
}
