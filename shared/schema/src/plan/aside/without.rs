//! A schema without what was set aside, and where that is by now.

use super::{
    SetAside,
    hard::{index_has, mentions, part_has},
};
use crate::{
    Dialect, Schema, canonical,
    model::{Name, OpaqueKind, Table},
    read::mysql::same_name,
    render, split,
};

/// What is there apart from these, exactly by name, and what hangs on them alone. Something else that is called alike stays,
/// and so do these where they are under another name. A server that keeps names of tables in lower case has them so.
#[must_use]
pub fn without(mut schema: Schema, these: &[SetAside]) -> Schema {
    for of in these {
        if let Some(at) = whereabouts(&schema, of) {
            match &of.column {
                None => drop_table(&mut schema, &at),
                Some(_) => drop_column(&mut schema, &at, &of.now),
            }
        }
    }
    schema
}

/// Where it is: a table that was set aside under its name of now, of a column the table that has it; none if it is not there.
/// A column's table may have another name by now; what the column is called was given once in a database. A table is
/// told by the name that it is known by where the server only keeps that in another case.
#[must_use]
pub fn whereabouts(schema: &Schema, of: &SetAside) -> Option<Name> {
    let has = |table: &Table| table.column(&of.now).is_some();
    if of.column.is_none() {
        return find(schema, &of.table.sibling(of.now.clone())).map(|(name, _)| name.clone());
    }
    if let Some((name, _)) = find(schema, &of.table).filter(|(_, table)| has(table)) {
        return Some(name.clone());
    }
    let mut others = schema.tables.iter().filter(|(_, table)| has(table));
    // Partitions have the columns of what they are a part of.
    let whole = others.clone().find(|(_, table)| table.partition_of.is_none());
    whole.or_else(|| others.next()).map(|(name, _)| name.clone())
}

fn find<'s>(schema: &'s Schema, name: &Name) -> Option<(&'s Name, &'s Table)> {
    schema.tables.get_key_value(name).or_else(|| {
        let folds = schema.dialect == Dialect::MySql
            && schema
                .server
                .as_ref()
                .is_some_and(|server| server.lower_case_names);
        schema
            .tables
            .iter()
            .find(|(other, _)| folds && same_name(&other.name, &name.name))
    })
}

/// SQL that drops a column that was set aside, or brings it back, once its table is called otherwise; none if it is not
/// about that table.
#[must_use]
pub fn at_table(dialect: Dialect, sql: &str, (from, to): (&Name, &Name)) -> Option<String> {
    let head = |name: &Name| match dialect {
        Dialect::Postgres => format!("alter table {} ", render::postgres::qualified(name)),
        Dialect::MySql => format!("alter table {} ", render::mysql::table_name(name)),
    };
    let (old, new) = (head(from), head(to));
    let mut moved = Vec::new();
    for statement in split(dialect, sql).ok()? {
        moved.push(format!("{new}{}", statement.text.strip_prefix(&old)?));
    }
    Some(canonical(moved.iter().map(String::as_str)))
}

pub(super) fn drop_table(schema: &mut Schema, name: &Name) {
    if schema.tables.remove(name).is_none() {
        return;
    }
    drop_sequences(schema, name, None);
    schema
        .opaque
        .retain(|key, _| key.kind != OpaqueKind::Privilege || key.on.as_ref() != Some(name));
}

pub(super) fn drop_column(schema: &mut Schema, table: &Name, column: &str) {
    let Some(of) = schema.tables.get_mut(table) else {
        return;
    };
    if of.column(column).is_none() {
        return;
    }
    of.columns.retain(|other| other.name != column);
    drop_rules(of, column);
    drop_sequences(schema, table, Some(column));
}

/// Keys, checks and indexes over a column.
fn drop_rules(of: &mut Table, column: &str) {
    let over = |key: &crate::model::Key| {
        key.columns.iter().any(|part| part_has(part, column))
            || key.include.iter().any(|other| other == column)
    };
    of.uniques.retain(|_, key| !over(key));
    of.exclusions
        .retain(|_, of| !mentions(&crate::render::postgres::exclusion(of), column));
    of.checks
        .retain(|_, check| !mentions(check.expression.as_str(), column));
    of.foreign_keys
        .retain(|_, key| !key.columns.iter().any(|other| other == column));
    of.indexes.retain(|_, index| !index_has(index, column));
}

fn drop_sequences(schema: &mut Schema, table: &Name, column: Option<&str>) {
    let owned: Vec<Name> = schema
        .sequences
        .iter()
        .filter(|(_, sequence)| {
            sequence
                .owned_by
                .as_ref()
                .is_some_and(|(owner, own)| owner == table && column.is_none_or(|column| column == own))
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in owned {
        schema.sequences.remove(&name);
        schema
            .opaque
            .retain(|key, _| key.kind != OpaqueKind::Privilege || key.on.as_ref() != Some(&name));
    }
}
