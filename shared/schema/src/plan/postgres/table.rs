//! Tables as a whole.

use std::collections::BTreeSet;

use super::{Phase, Work, compare};
use crate::{
    Risk,
    model::{Name, Table},
    normalise::postgres::Scope,
    plan::{Lock, Reverse, Step},
    render::postgres::{bounds, create_table, qualified},
};

/// What dropping a table means.
const GONE: &str = "the table and its rows are gone";

impl Work<'_> {
    /// Columns that views, checks and indexes over them must get out of the way of.
    pub(super) fn find_moving(&mut self) {
        for (name, old) in &self.from.tables {
            let moving: BTreeSet<String> = match self.to.tables.get(name) {
                None if self.options.drops => old.columns.iter().map(|column| column.name.clone()).collect(),
                None => BTreeSet::new(),
                Some(new) => old
                    .columns
                    .iter()
                    .filter(|column| match new.column(&column.name) {
                        None => self.options.drops,
                        Some(now) => {
                            self.is_retyped(column, now)
                                || super::column::is_remade(column, now, &self.scope(name))
                        }
                    })
                    .map(|column| column.name.clone())
                    .collect(),
            };
            if !moving.is_empty() {
                self.moving.insert(name.clone(), moving);
            }
        }
        // What is generated from a moving column moves too.
        for (name, old) in &self.from.tables {
            let Some(moving) = self.moving.get_mut(name) else {
                continue;
            };
            for column in &old.columns {
                if let Some(generated) = &column.generated
                    && !super::order::mentioned(generated.expression.as_str()).is_disjoint(moving)
                {
                    moving.insert(column.name.clone());
                }
            }
        }
    }

    pub(super) fn tables(&mut self) {
        let to = self.to;
        for (name, new) in &to.tables {
            if !to.namespaces.contains_key(&name.namespace) {
                self.refuse(format!(
                    "table {name} is in schema {}, which is not there",
                    name.namespace
                ));
                continue;
            }
            match self.from.tables.get(name).cloned() {
                None => self.create(name, new),
                Some(old) if !is_same_kind(&old, new, &self.scope(name)) => {
                    self.refuse(format!(
                        "table {name} would have to be made anew, with its rows: it is partitioned otherwise"
                    ));
                }
                Some(old) => {
                    self.alter(name, &old, new);
                    self.columns(name, &old, new);
                    self.constraints(name, &old, new);
                    self.indexes(name, &old.indexes, &new.indexes);
                }
            }
            let before = self.from.tables.get(name).and_then(|old| old.comment.clone());
            self.comment("table", &qualified(name), before.as_ref(), new.comment.as_ref());
        }
        for (name, old) in self.from.tables.clone() {
            if !to.tables.contains_key(&name) {
                self.drop_table(&name, &old);
            }
        }
    }

    fn create(&mut self, name: &Name, new: &Table) {
        let drop = Reverse::one(format!("drop table {}", qualified(name)));
        let step = Step::new("table", name, create_table(name, new), drop);
        self.make(6, name, step);
        let none = Table::default();
        self.security(name, &none, new);
        for column in &new.columns {
            self.column_extras(name, None, column);
        }
        self.constraint_comments(name, &none, new);
        for (own, key) in &new.foreign_keys {
            self.add_foreign_key(name, own, key);
        }
        self.indexes(name, &none.indexes, &new.indexes);
    }

    fn drop_table(&mut self, name: &Name, old: &Table) {
        // Its foreign keys go first, so that the order of tables doesn't matter.
        for (own, key) in &old.foreign_keys {
            if self.options.drops && key.references != *name {
                self.drop_foreign_key(name, own, key, true);
            }
        }
        let parent_goes =
            |parent: &Name| !self.to.tables.contains_key(parent) && self.from.tables.contains_key(parent);
        if self.options.drops
            && old
                .partition_of
                .as_ref()
                .is_some_and(|part| parent_goes(&part.parent))
        {
            // A partition goes with its table.
            return;
        }
        let back = Reverse::Lossy(self.table_again(name, old), "the rows".to_owned());
        let step = Step::new("table", name, format!("drop table {}", qualified(name)), back)
            .because(Risk::Destructive, GONE)
            .locking(Lock::Everything);
        self.remove_object(name, 0, step);
    }

    /// What a table is, apart from its parts.
    fn alter(&mut self, name: &Name, old: &Table, new: &Table) {
        let at = qualified(name);
        let alter = |what: String| format!("alter table {at} {what}");
        if old.unlogged != new.unlogged {
            let sql = |of: &Table| alter(if of.unlogged { "set unlogged" } else { "set logged" }.to_owned());
            let step = Step::new("table", name, sql(new), Reverse::one(sql(old)))
                .because(Risk::Warning, "writes the whole table anew")
                .locking(Lock::Everything);
            self.make(7, name, step).provides.clear();
        }
        if old.options != new.options {
            self.storage(name, old, new);
        }
        self.security(name, old, new);
        if let (Some(was), Some(now)) = (&old.partition_of, &new.partition_of)
            && (was.parent != now.parent || !compare::bounds(&was.bounds, &now.bounds, &self.scope(name)))
        {
            let (detach, attach) = (
                |of: &crate::model::PartitionOf| {
                    format!("alter table {} detach partition {at}", qualified(&of.parent))
                },
                |of: &crate::model::PartitionOf| {
                    format!(
                        "alter table {} attach partition {at} {}",
                        qualified(&of.parent),
                        bounds(&of.bounds)
                    )
                },
            );
            let step =
                Step::new("table", name, detach(was), Reverse::one(attach(was))).locking(Lock::Everything);
            self.add(Phase::DropIndex, step);
            let step = Step::new("table", name, attach(now), Reverse::one(detach(now)))
                .because(
                    Risk::Warning,
                    "reads the partition, and fails if a row belongs elsewhere",
                )
                .locking(Lock::Everything);
            self.make(8, name, step).provides.clear();
        }
        if old.inherits != new.inherits {
            for parent in &old.inherits {
                if !new.inherits.contains(parent) {
                    self.refuse(format!("table {name} no longer inherits from {parent}: its columns would have to be made its own"));
                }
            }
            for parent in &new.inherits {
                if !old.inherits.contains(parent) {
                    self.refuse(format!(
                        "table {name} is to inherit from {parent}: its columns would have to be merged"
                    ));
                }
            }
        }
    }

    fn storage(&mut self, name: &Name, old: &Table, new: &Table) {
        let at = qualified(name);
        let sql = |from: &Table, to: &Table| {
            let set: Vec<String> = to
                .options
                .iter()
                .filter(|(key, value)| from.options.get(key) != Some(value))
                .map(|(key, value)| format!("{key} = {value}"))
                .collect();
            let reset: Vec<&str> = from
                .options
                .keys()
                .filter(|key| !to.options.contains_key(key))
                .map(String::as_str)
                .collect();
            let mut parts = Vec::new();
            if !set.is_empty() {
                parts.push(format!("set ({})", set.join(", ")));
            }
            if !reset.is_empty() {
                parts.push(format!("reset ({})", reset.join(", ")));
            }
            format!("alter table {at} {}", parts.join(", "))
        };
        let step =
            Step::new("table", name, sql(old, new), Reverse::one(sql(new, old))).locking(Lock::Definition);
        self.make(7, name, step).provides.clear();
    }

    fn security(&mut self, name: &Name, old: &Table, new: &Table) {
        let at = qualified(name);
        for (was, now, on, off) in [
            (old.row_security, new.row_security, "enable", "disable"),
            (
                old.row_security_forced,
                new.row_security_forced,
                "force",
                "no force",
            ),
        ] {
            if was != now {
                let sql = |is: bool| {
                    format!(
                        "alter table {at} {} row level security",
                        if is { on } else { off }
                    )
                };
                let step = Step::new("table", name, sql(now), Reverse::one(sql(was)))
                    .because(Risk::Warning, "changes which rows people see")
                    .locking(Lock::Everything);
                if now {
                    self.make(7, name, step).provides.clear();
                } else {
                    self.remove(Phase::DropPart, step);
                }
            }
        }
    }
}

/// Whether the one can become the other.
fn is_same_kind(old: &Table, new: &Table, scope: &Scope<'_>) -> bool {
    compare::partitionings(old.partition_by.as_ref(), new.partition_by.as_ref(), scope)
        && old.partition_of.is_some() == new.partition_of.is_some()
}
