//! Foreign keys: they go before anything changes, and come when everything is there.

use super::{Planner, same::same_foreign_key, tables::Changes};
use crate::{
    Lock, Reverse, Risk, Step,
    model::{ForeignKey, Name, Table},
    read::mysql::same_name,
    render::mysql::{foreign_key, index, name as quoted, table_name},
};

impl Planner {
    /// Drops those that go or change, and those whose columns change.
    pub(super) fn drop_foreign_keys(&mut self, changes: &Changes) {
        let mut steps = Vec::new();
        let circular = self.circular_keys();
        for (table, of) in &self.from.tables {
            for (name, key) in &of.foreign_keys {
                let goes = match self.to.tables.get(table) {
                    Some(to) => {
                        let stays = to
                            .foreign_keys
                            .get(name)
                            .is_some_and(|other| same_foreign_key(key, other));
                        !stays || is_affected(table, key, changes)
                    }
                    // It goes with its table, unless another one must go before.
                    None => circular.contains(&(table.clone(), name.clone())),
                };
                if goes {
                    steps.push((table.clone(), name.clone(), key.clone()));
                }
            }
        }
        for (table, name, key) in steps {
            let step = Step::new(
                "foreign key",
                format!("{table}.{name}"),
                format!(
                    "alter table {} drop foreign key {}",
                    table_name(&table),
                    quoted(&name)
                ),
                Reverse::one(add(
                    &table,
                    &name,
                    &key,
                    self.from.tables.get(&table),
                    self.mariadb,
                )),
            )
            .locking(Lock::Definition);
            let is_wanted = self
                .to
                .tables
                .get(&table)
                .is_some_and(|to| to.foreign_keys.contains_key(&name));
            if is_wanted {
                self.steps.push(step);
            } else {
                let step = step.because(
                    Risk::Warning,
                    format!("nothing checks {} of {table} any more", key.columns.join(", ")),
                );
                self.drops(step);
            }
        }
    }

    /// Adds those that come, and those that stood in the way.
    pub(super) fn add_foreign_keys(&mut self, changes: &Changes) {
        let mut steps = Vec::new();
        for (table, of) in &self.to.tables {
            let before = self.from.tables.get(table);
            for (name, key) in &of.foreign_keys {
                let is_there = match before {
                    None => self.comes_with(table, &key.references, changes),
                    Some(before) => {
                        before
                            .foreign_keys
                            .get(name)
                            .is_some_and(|old| same_foreign_key(old, key))
                            && !is_affected(table, key, changes)
                    }
                };
                if is_there {
                    continue;
                }
                let back = format!(
                    "alter table {} drop foreign key {}",
                    table_name(table),
                    quoted(name)
                );
                let had = before.is_some_and(|before| {
                    let mut old = before.foreign_keys.values();
                    old.any(|old| old.columns == key.columns)
                });
                let step = Step::new(
                    "foreign key",
                    format!("{table}.{name}"),
                    add(table, name, key, had.then_some(of), self.mariadb),
                    Reverse::one(back),
                );
                steps.push(if before.is_some() {
                    step.because(
                        Risk::Warning,
                        format!(
                            "it fails if a row of {table} refers to nothing in {}",
                            key.references
                        ),
                    )
                    .locking(Lock::Writes)
                } else {
                    step
                });
            }
        }
        self.steps.extend(steps);
    }
}

/// Adds a key. Where there was one over these columns before, its index may be one that the server made by itself and
/// would replace by one of the new constraint's name; so the index is said to be wanted as it is.
fn add(table: &Name, name: &str, key: &ForeignKey, of: Option<&Table>, mariadb: bool) -> String {
    let mut clauses = Vec::new();
    let serving = of.and_then(|of| {
        of.indexes.iter().find(|(_, index)| {
            index.parts.len() == key.columns.len()
                && index
                    .parts
                    .iter()
                    .zip(&key.columns)
                    .all(|(part, column)| part.column_name() == Some(column))
        })
    });
    if let Some((name, of)) = serving {
        clauses.push(format!("drop index {}", quoted(name)));
        clauses.push(format!("add {}", index(name, of, mariadb)));
    }
    clauses.push(format!("add {}", foreign_key(name, key)));
    format!("alter table {} {}", table_name(table), clauses.join(", "))
}

/// Whether something changes on which the key stands, here or there.
fn is_affected(table: &Name, key: &ForeignKey, changes: &Changes) -> bool {
    let touches = |table: &Name, columns: &[String]| {
        changes.alters.get(table).is_some_and(|alter| {
            let column = |name: &String| columns.iter().any(|column| same_name(column, name));
            alter.changed_columns.iter().any(column)
                || alter
                    .dropped_keys
                    .iter()
                    .any(|parts| parts.first().is_some_and(column))
        })
    };
    touches(table, &key.columns) || touches(&key.references, &key.referenced)
}
