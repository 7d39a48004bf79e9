//! A schema without what was set aside.

use super::{
    SetAside,
    hard::{index_has, mentions, part_has},
};
use crate::{
    Schema,
    model::{Name, OpaqueKind, Table},
};

/// What is there apart from these, exactly by name, and what hangs on them alone. Something else that is called alike stays,
/// and so do these where they are under another name.
#[must_use]
pub fn without(mut schema: Schema, these: &[SetAside]) -> Schema {
    for of in these {
        if of.column.is_none() {
            drop_table(&mut schema, &of.table.sibling(of.now.clone()));
            continue;
        }
        // Its table may have another name by now; the column's is given once in a database.
        let at = schema
            .tables
            .iter()
            .find(|(_, table)| table.column(&of.now).is_some());
        if let Some(at) = at.map(|(name, _)| name.clone()) {
            drop_column(&mut schema, &at, &of.now);
        }
    }
    schema
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
