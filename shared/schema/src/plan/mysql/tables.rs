//! Tables that come, go, and change their names; and what changes in those that stay.

use std::collections::{BTreeMap, BTreeSet};

use super::{Planner, alter::Alter};
use crate::{
    Lock, Reverse, Risk, Step,
    model::{Indexed, Name, Table},
    read::mysql::same_name,
    render::mysql::{create_table, table_name},
};

/// What changes in the tables that are on both sides; the columns of `from` have their new names already.
pub(super) struct Changes {
    /// By table.
    pub(super) alters: BTreeMap<Name, Alter>,
}

impl Planner {
    /// Renames that `to` carries. Gives the tables' names as they were, by their new ones.
    pub(super) fn rename_tables(&mut self) -> BTreeMap<Name, Name> {
        let mut renames = BTreeMap::new();
        let wanted: Vec<(Name, Name)> = self
            .to
            .tables
            .iter()
            .filter_map(|(new, table)| Some((new.clone(), table.renamed_from.clone()?)))
            .collect();
        for (new, old) in wanted {
            if self.from.tables.contains_key(&new) {
                if self.to.tables.contains_key(&old) && self.from.tables.contains_key(&old) {
                    self.refused.push(format!(
                        "table {new} is said to have been {old}, but both are there"
                    ));
                }
                continue;
            }
            if self.to.tables.contains_key(&old) {
                self.refused.push(format!(
                    "table {new} is said to have been {old}, which is to stay"
                ));
                continue;
            }
            let Some(table) = self.from.tables.remove(&old) else {
                continue;
            };
            self.from.tables.insert(new.clone(), table);
            for table in self.from.tables.values_mut() {
                for key in table
                    .foreign_keys
                    .values_mut()
                    .filter(|key| key.references == old)
                {
                    key.references = new.clone();
                }
            }
            let opaque = std::mem::take(&mut self.from.opaque);
            self.from.opaque = opaque
                .into_iter()
                .map(|(mut key, of)| {
                    if key.on.as_ref() == Some(&old) {
                        key.on = Some(new.clone());
                    }
                    (key, of)
                })
                .collect();
            let rename = |a: &Name, b: &Name| format!("rename table {} to {}", table_name(a), table_name(b));
            let step = Step::new(
                "table",
                &new,
                rename(&old, &new),
                Reverse::one(rename(&new, &old)),
            )
            .because(Risk::Warning, format!("programs that still say {old} fail"))
            .locking(Lock::Everything);
            self.steps.push(step);
            renames.insert(new, old);
        }
        renames
    }

    /// Renames columns on the side of `from`, and finds what changes.
    pub(super) fn table_changes(&mut self, _: &BTreeMap<Name, Name>) -> Changes {
        let mut renamed: BTreeMap<Name, BTreeMap<String, String>> = BTreeMap::new();
        let names: Vec<Name> = self.to.tables.keys().cloned().collect();
        for name in &names {
            let (Some(from), Some(to)) = (self.from.tables.get(name), self.to.tables.get(name)) else {
                continue;
            };
            match column_renames(from, to) {
                Ok(renames) if renames.is_empty() => {}
                Ok(renames) => {
                    renamed.insert(name.clone(), renames);
                }
                Err(reason) => self.refused.push(format!("table {name}: {reason}")),
            }
        }
        for (table, renames) in &renamed {
            for (other, of) in &mut self.from.tables {
                apply_renames(of, renames, other == table, table);
            }
        }
        let mut alters = BTreeMap::new();
        for name in names {
            let (Some(from), Some(to)) = (self.from.tables.get(&name), self.to.tables.get(&name)) else {
                continue;
            };
            let renames = renamed.remove(&name).unwrap_or_default();
            let alter = Alter::between(
                (from, to),
                &renames,
                self.options.drops,
                (self.mariadb, self.online),
            );
            if !alter.is_empty() {
                alters.insert(name, alter);
            }
        }
        Changes { alters }
    }

    pub(super) fn drop_tables(&mut self) {
        let gone: BTreeSet<Name> = self
            .from
            .tables
            .keys()
            .filter(|name| !self.to.tables.contains_key(*name))
            .cloned()
            .collect();
        let circular = self.circular_keys();
        for name in referring_first(&self.from.tables, &gone) {
            let Some(table) = self.from.tables.get(&name) else {
                continue;
            };
            let back = create_table(&name, table, self.from.collation.as_deref(), |key, _| {
                !circular.contains(&(name.clone(), key.to_owned()))
            });
            let step = Step::new(
                "table",
                &name,
                format!("drop table {}", table_name(&name)),
                Reverse::losing(back, format!("the rows of {name}")),
            )
            .because(Risk::Destructive, format!("table {name} goes with its rows"))
            .locking(Lock::Everything);
            self.drops(step);
        }
    }

    /// Foreign keys of tables that go which no order of the tables serves: table and name.
    pub(super) fn circular_keys(&self) -> BTreeSet<(Name, String)> {
        let gone: BTreeSet<Name> = self
            .from
            .tables
            .keys()
            .filter(|name| !self.to.tables.contains_key(*name))
            .cloned()
            .collect();
        let order = referring_first(&self.from.tables, &gone);
        let mut circular = BTreeSet::new();
        for (at, table) in order.iter().enumerate() {
            let keys = self
                .from
                .tables
                .get(table)
                .into_iter()
                .flat_map(|of| &of.foreign_keys);
            for (name, _) in keys.filter(|(_, key)| order[..at].contains(&key.references)) {
                circular.insert((table.clone(), name.clone()));
            }
        }
        circular
    }

    pub(super) fn create_tables(&mut self, changes: &Changes) {
        let new: BTreeSet<Name> = self
            .to
            .tables
            .keys()
            .filter(|name| !self.from.tables.contains_key(*name))
            .cloned()
            .collect();
        let mut order = referring_first(&self.to.tables, &new);
        order.reverse();
        let mut made = BTreeSet::new();
        for name in order {
            made.insert(name.clone());
            let Some(table) = self.to.tables.get(&name) else {
                continue;
            };
            let sql = create_table(
                &name,
                table,
                self.to.collation.as_deref().or(self.from.collation.as_deref()),
                |_, key| made.contains(&key.references) || self.stays(&key.references, changes),
            );
            let back = Reverse::one(format!("drop table {}", table_name(&name)));
            self.steps.push(Step::new("table", &name, sql, back));
        }
    }

    /// Whether the table is there and nothing changes in it.
    pub(super) fn stays(&self, name: &Name, changes: &Changes) -> bool {
        self.from.tables.contains_key(name)
            && self.to.tables.contains_key(name)
            && !changes.alters.contains_key(name)
    }

    /// Whether a new table brings the key along when it is made.
    pub(super) fn comes_with(&self, table: &Name, references: &Name, changes: &Changes) -> bool {
        if self.stays(references, changes) {
            return true;
        }
        let new: BTreeSet<Name> = self
            .to
            .tables
            .keys()
            .filter(|name| !self.from.tables.contains_key(*name))
            .cloned()
            .collect();
        let mut order = referring_first(&self.to.tables, &new);
        order.reverse();
        let place = |name: &Name| order.iter().position(|other| other == name);
        place(references).is_some_and(|there| place(table).is_some_and(|here| there <= here))
    }

    pub(super) fn alter_tables(&mut self, changes: &Changes) {
        for (name, alter) in &changes.alters {
            alter.withheld.iter().for_each(|(kind, part, clause)| {
                self.withheld.push(super::Withheld {
                    object: super::Subject {
                        kind: kind.clone(),
                        name: format!("{name}.{part}"),
                    },
                    sql: format!("alter table {} {clause}", table_name(name)),
                });
            });
            self.steps.extend(alter.steps(name));
        }
    }
}

/// The renames that `to` carries, new name to old.
fn column_renames(from: &Table, to: &Table) -> Result<BTreeMap<String, String>, String> {
    let has = |table: &Table, name: &str| table.columns.iter().any(|column| same_name(&column.name, name));
    let mut renames = BTreeMap::new();
    for column in &to.columns {
        let exact = from.column(&column.name).is_some();
        match &column.renamed_from {
            Some(old) if has(to, old) && !same_name(old, &column.name) && has(from, old) => {
                return Err(format!(
                    "column {} is said to have been {old}, which is to stay",
                    column.name
                ));
            }
            Some(old) if !exact && !has(to, old) && has(from, old) => {
                let old = from.columns.iter().find(|column| same_name(&column.name, old));
                renames.extend(old.map(|old| (column.name.clone(), old.name.clone())));
            }
            // Another case is a rename too.
            _ if !exact => {
                let old = from.columns.iter().find(|old| same_name(&old.name, &column.name));
                renames.extend(old.map(|old| (column.name.clone(), old.name.clone())));
            }
            _ => {}
        }
    }
    Ok(renames)
}

/// Gives a table's columns their new names wherever they stand by name.
fn apply_renames(of: &mut Table, renames: &BTreeMap<String, String>, is_own: bool, table: &Name) {
    let new_name = |name: &mut String| {
        if let Some((new, _)) = renames.iter().find(|(_, old)| *old == name) {
            new.clone_into(name);
        }
    };
    for key in of.foreign_keys.values_mut() {
        if key.references == *table {
            key.referenced.iter_mut().for_each(new_name);
        }
        if is_own {
            key.columns.iter_mut().for_each(new_name);
        }
    }
    if !is_own {
        return;
    }
    of.columns
        .iter_mut()
        .for_each(|column| new_name(&mut column.name));
    let keys = of.primary_key.iter_mut().flat_map(|key| &mut key.columns);
    let indexes = of.indexes.values_mut().flat_map(|index| &mut index.parts);
    let by = of.partition_by.iter_mut().flat_map(|by| &mut by.parts);
    for part in keys.chain(indexes).chain(by) {
        if let Indexed::Column(column) = &mut part.on {
            new_name(column);
        }
    }
}

/// These tables, each before those that it refers to; of a circle in any order.
fn referring_first(tables: &BTreeMap<Name, Table>, these: &BTreeSet<Name>) -> Vec<Name> {
    let mut waiting = these.clone();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let free = waiting.iter().find(|name| {
            !waiting.iter().any(|other| {
                other != *name
                    && tables
                        .get(other)
                        .is_some_and(|table| table.foreign_keys.values().any(|key| key.references == **name))
            })
        });
        let Some(next) = free.or_else(|| waiting.iter().next()).cloned() else {
            break;
        };
        waiting.remove(&next);
        order.push(next);
    }
    order
}
