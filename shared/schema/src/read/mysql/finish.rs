//! What can only be said when all has been read: names in the case in which the columns were made, what a primary key
//! and a foreign key bring along.

use super::same_name;
use crate::{
    Schema, Unreadable,
    model::{ForeignKey, Index, IndexPart, Indexed, Name, Table},
};

/// Completes every table.
pub(super) fn finish(schema: &mut Schema) -> Result<(), Unreadable> {
    let columns: Vec<(Name, Vec<String>)> = schema
        .tables
        .iter()
        .map(|(name, table)| {
            (
                name.clone(),
                table.columns.iter().map(|column| column.name.clone()).collect(),
            )
        })
        .collect();
    for (name, table) in &mut schema.tables {
        spell(name, table)?;
        for key in table.foreign_keys.values_mut() {
            let there = columns.iter().find(|(other, _)| *other == key.references);
            for column in &mut key.referenced {
                let own = there.and_then(|(_, columns)| columns.iter().find(|own| same_name(own, column)));
                if let Some(own) = own {
                    own.clone_into(column);
                }
            }
        }
        if let Some(key) = &table.primary_key {
            for part in key.columns.clone() {
                if let Some(column) = part.column_name().and_then(|name| table.column_mut(name)) {
                    column.nullable = false;
                }
            }
        }
        implied_indexes(table);
    }
    Ok(())
}

/// The names of columns as the columns have them.
fn spell(name: &Name, table: &mut Table) -> Result<(), Unreadable> {
    let own: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let spelled = |column: &mut String| match own.iter().find(|own| same_name(own, column)) {
        Some(own) => {
            own.clone_into(column);
            Ok(())
        }
        None => Err(Unreadable::of(
            format!("table {name}"),
            format!("it has no column {column}"),
        )),
    };
    let key = table.primary_key.iter_mut().flat_map(|key| &mut key.columns);
    let indexes = table.indexes.values_mut().flat_map(|index| &mut index.parts);
    let by = table.partition_by.iter_mut().flat_map(|by| &mut by.parts);
    for part in key.chain(indexes).chain(by) {
        if let Indexed::Column(column) = &mut part.on {
            spelled(column)?;
        }
    }
    for key in table.foreign_keys.values_mut() {
        key.columns.iter_mut().try_for_each(&spelled)?;
    }
    Ok(())
}

/// InnoDB makes an index for a foreign key unless one begins with its columns.
fn implied_indexes(table: &mut Table) {
    let keys: Vec<(String, ForeignKey)> = table
        .foreign_keys
        .iter()
        .map(|(name, key)| (name.clone(), key.clone()))
        .collect();
    for (name, key) in keys {
        let primary = table.primary_key.as_ref().map(|key| key.columns.as_slice());
        let indexes = table.indexes.values().filter(|index| index.method == "btree");
        let served = indexes
            .map(|index| index.parts.as_slice())
            .chain(primary)
            .any(|parts| serves(parts, &key.columns));
        if !served {
            // It goes by the constraint's name if that was given, else by the first column's.
            let parts: Vec<IndexPart> = key.columns.iter().map(IndexPart::column).collect();
            let taken = |name: &str| table.indexes.keys().any(|known| same_name(known, name));
            let index_name = if table.unnamed.contains(&name) {
                super::index::given_name(&parts, taken)
            } else {
                name
            };
            table.indexes.insert(
                index_name,
                Index {
                    parts,
                    method: "btree".to_owned(),
                    ..Index::default()
                },
            );
        }
    }
}

/// Whether an index can serve a foreign key over these columns.
fn serves(parts: &[IndexPart], columns: &[String]) -> bool {
    parts.len() >= columns.len()
        && parts.iter().zip(columns).all(|(part, column)| {
            part.prefix.is_none() && part.column_name().is_some_and(|name| same_name(name, column))
        })
}
