//! `alter table` as part of what makes a schema: what it leads to, not how.

use super::{
    Reader, column, object_name,
    partition::partition,
    same_name,
    table::{add_column, constraint_or_index, is_constraint_or_index, option},
};
use crate::{
    Unreadable,
    model::{Indexed, Name, Table},
    read::Cursor,
};

impl Reader {
    /// After `alter table`.
    pub(super) fn alter_table(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "exists"]);
        let mut name = object_name(cursor)?;
        let Some(mut table) = self.schema.tables.remove(&name) else {
            return Err(cursor.fail(format!("a change of {name}, which the text doesn't make")));
        };
        loop {
            if let Some(new) = specification(cursor, &name, &mut table)? {
                name = new;
            }
            if !cursor.take_mark(",") {
                break;
            }
        }
        cursor.end()?;
        if self.schema.tables.insert(name.clone(), table).is_some() {
            return Err(cursor.fail(format!("a second table {name}")));
        }
        Ok(())
    }
}

/// One change; the table's new name if it gives one.
fn specification(
    cursor: &mut Cursor<'_>,
    name: &Name,
    table: &mut Table,
) -> Result<Option<Name>, Unreadable> {
    if cursor.take("add") {
        add(cursor, name, table)?;
    } else if cursor.take("drop") {
        drop(cursor, table)?;
    } else if cursor.take("modify") {
        cursor.take("column");
        let mut ahead = cursor.clone();
        let old = ahead.name()?;
        change(cursor, name, table, &old)?;
    } else if cursor.take("change") {
        cursor.take("column");
        let old = cursor.name()?;
        change(cursor, name, table, &old)?;
        let new = table
            .columns
            .iter()
            .find(|column| column.renamed_from.as_deref() == Some(&*old));
        if let Some(new) = new.map(|column| column.name.clone()) {
            rename_in_parts(table, &old, &new);
        }
        // A text that changes a name says what is to be, not what was.
        table.columns.iter_mut().for_each(|column| {
            column.renamed_from.take_if(|from| same_name(from, &old));
        });
    } else if cursor.take_words(&["rename", "to"]) || cursor.take_words(&["rename", "as"]) {
        return object_name(cursor).map(Some);
    } else if cursor.is_words(&["rename", "index"]) || cursor.is_words(&["rename", "key"]) {
        cursor.next();
        cursor.next();
        let old = cursor.name()?;
        cursor.need("to")?;
        let new = cursor.name()?;
        let index = table
            .indexes
            .remove(&old)
            .ok_or_else(|| cursor.fail(format!("no index {old}")))?;
        table.indexes.insert(new, index);
    } else if cursor.is_one_of(&["algorithm", "lock"]) {
        // How it is carried out leaves no trace.
        cursor.next();
        cursor.take_mark("=");
        cursor.name()?;
    } else if cursor.is_words(&["partition", "by"]) {
        table.partition_by = Some(super::partition_by(cursor)?);
    } else if !option(cursor, table)? {
        return Err(cursor.fail("this change of a table is not read; write the table as it is to be"));
    }
    Ok(None)
}

fn add(cursor: &mut Cursor<'_>, name: &Name, table: &mut Table) -> Result<(), Unreadable> {
    if cursor.take("partition") {
        let more = cursor.list(partition)?;
        let Some(by) = &mut table.partition_by else {
            return Err(cursor.fail("a partition of a table that has none"));
        };
        by.partitions.extend(more);
        return Ok(());
    }
    if is_constraint_or_index(cursor) {
        return constraint_or_index(cursor, name, table);
    }
    cursor.take("column");
    cursor.take_words(&["if", "not", "exists"]);
    let end = table.columns.len();
    if cursor.is_mark("(") {
        let columns = cursor.list(column)?;
        for (place, column) in columns.into_iter().enumerate() {
            add_column(cursor, name, table, column, end + place)?;
        }
        return Ok(());
    }
    let column = column(cursor)?;
    let place = place(cursor, table, end)?;
    add_column(cursor, name, table, column, place)
}

/// `first`, `after column`, or where it would stand otherwise.
fn place(cursor: &mut Cursor<'_>, table: &Table, otherwise: usize) -> Result<usize, Unreadable> {
    if cursor.take("first") {
        return Ok(0);
    }
    if cursor.take("after") {
        let before = cursor.name()?;
        let found = table
            .columns
            .iter()
            .position(|column| same_name(&column.name, &before));
        return found
            .map(|at| at + 1)
            .ok_or_else(|| cursor.fail(format!("no column {before}")));
    }
    Ok(otherwise)
}

fn change(cursor: &mut Cursor<'_>, name: &Name, table: &mut Table, old: &str) -> Result<(), Unreadable> {
    let at = table
        .columns
        .iter()
        .position(|column| same_name(&column.name, old));
    let at = at.ok_or_else(|| cursor.fail(format!("no column {old}")))?;
    let (mut column, extras) = column(cursor)?;
    table.columns.remove(at);
    let place = place(cursor, table, at)?;
    column.renamed_from = (column.name != old).then(|| old.to_owned());
    add_column(cursor, name, table, (column, extras), place)
}

fn rename_in_parts(table: &mut Table, old: &str, new: &str) {
    let rename = |name: &mut String| {
        if same_name(name, old) {
            new.clone_into(name);
        }
    };
    let keys = table.primary_key.iter_mut().flat_map(|key| &mut key.columns);
    let indexes = table.indexes.values_mut().flat_map(|index| &mut index.parts);
    for part in keys.chain(indexes) {
        if let Indexed::Column(name) = &mut part.on {
            rename(name);
        }
    }
    table
        .foreign_keys
        .values_mut()
        .for_each(|key| key.columns.iter_mut().for_each(rename));
}

fn drop(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Unreadable> {
    if cursor.take_words(&["primary", "key"]) {
        table.primary_key = None;
        return Ok(());
    }
    let had = if cursor.take_words(&["foreign", "key"]) {
        let name = cursor.name()?;
        remove(&mut table.foreign_keys, &name)
    } else if cursor.take("index") || cursor.take("key") {
        let name = cursor.name()?;
        remove(&mut table.indexes, &name)
    } else if cursor.take("constraint") || cursor.take("check") {
        let name = cursor.name()?;
        remove(&mut table.checks, &name)
            || remove(&mut table.foreign_keys, &name)
            || remove(&mut table.indexes, &name)
    } else {
        return Err(cursor.fail("dropping what the text made; leave it out where it is made"));
    };
    if had {
        Ok(())
    } else {
        Err(cursor.fail("dropping what the text has not made"))
    }
}

fn remove<T>(map: &mut std::collections::BTreeMap<String, T>, name: &str) -> bool {
    let known = map.keys().find(|known| same_name(known, name)).cloned();
    known.is_some_and(|known| map.remove(&known).is_some())
}
