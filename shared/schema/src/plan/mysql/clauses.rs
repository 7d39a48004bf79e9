//! The clauses of an `alter table`.

use std::collections::BTreeMap;

use super::{
    columns::{self, Moves},
    same::{same_check, same_column, same_index, same_key},
};
use crate::{
    model::{Index, Table},
    render::mysql::{check, column, index, name as quoted, primary_key, table_options},
};

/// The clauses of one direction, by the order in which they must stand.
#[derive(Default)]
pub(super) struct Clauses {
    drops: Vec<String>,
    columns: Vec<String>,
    adds: Vec<String>,
    options: Vec<String>,
    /// Columns whose definition changes or that go, by their new names.
    pub(super) changed_columns: Vec<String>,
    /// The columns of keys and indexes that go or change.
    pub(super) dropped_keys: Vec<Vec<String>>,
    /// Drops that the options keep from happening: kind, name, clause.
    pub(super) withheld: Vec<(String, String, String)>,
}

impl Clauses {
    /// From one to the other; `renames` are new names to old ones, and `from` has the new ones.
    pub(super) fn between(
        (from, to): (&Table, &Table),
        renames: &BTreeMap<String, String>,
        drops: bool,
        mariadb: bool,
    ) -> Self {
        let mut clauses = Self {
            options: table_options(from, to),
            ..Self::default()
        };
        let remade = columns::remade(from, to);
        clauses.checks((from, to), drops);
        clauses.keys((from, to), &remade, drops, mariadb);
        clauses.columns((from, to), renames, &remade, drops);
        clauses
    }

    /// All, in order.
    pub(super) fn all(&self) -> Vec<String> {
        [&self.drops, &self.columns, &self.adds, &self.options]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// A clause that only drops.
    fn drop(&mut self, (kind, name): (&str, &str), clause: String, drops: bool) {
        if drops {
            self.drops.push(clause);
        } else {
            self.withheld.push((kind.to_owned(), name.to_owned(), clause));
        }
    }

    fn checks(&mut self, (from, to): (&Table, &Table), drops: bool) {
        for (name, old) in &from.checks {
            let clause = format!("drop constraint {}", quoted(name));
            match to.checks.get(name) {
                Some(new) if same_check(old, new) => {}
                Some(_) => self.drops.push(clause),
                None => self.drop(("check", name), clause, drops),
            }
        }
        for (name, new) in &to.checks {
            if !from.checks.get(name).is_some_and(|old| same_check(old, new)) {
                self.adds.push(format!("add {}", check(name, new)));
            }
        }
    }

    fn keys(&mut self, (from, to): (&Table, &Table), remade: &[String], drops: bool, mariadb: bool) {
        let touches = |index: &Index| {
            index.parts.iter().any(|part| {
                part.column_name()
                    .is_some_and(|name| remade.iter().any(|other| other == name))
            })
        };
        let names = |parts: &[crate::model::IndexPart]| -> Vec<String> {
            parts
                .iter()
                .filter_map(|part| part.column_name().map(str::to_owned))
                .collect()
        };
        let primary_same = match (&from.primary_key, &to.primary_key) {
            (Some(old), Some(new)) => same_key(old, new),
            (None, None) => true,
            _ => false,
        };
        if !primary_same {
            if let Some(old) = &from.primary_key {
                self.dropped_keys.push(names(&old.columns));
                self.drops.push("drop primary key".to_owned());
            }
            self.adds.extend(
                to.primary_key
                    .as_ref()
                    .map(|key| format!("add {}", primary_key(key))),
            );
        }
        for (name, new) in &to.indexes {
            let Some(old_name) = new
                .renamed_from
                .as_ref()
                .filter(|_| !from.indexes.contains_key(name))
            else {
                continue;
            };
            if let Some(old) = from.indexes.get(old_name)
                && same_index(old, new)
                && !to.indexes.contains_key(old_name)
            {
                self.drops
                    .push(format!("rename index {} to {}", quoted(old_name), quoted(name)));
            }
        }
        let renamed = |old_name: &String, old: &Index| {
            to.indexes.iter().any(|(name, new)| {
                new.renamed_from.as_ref() == Some(old_name)
                    && !from.indexes.contains_key(name)
                    && same_index(old, new)
                    && !to.indexes.contains_key(old_name)
            })
        };
        for (name, old) in &from.indexes {
            let clause = format!("drop index {}", quoted(name));
            match to.indexes.get(name) {
                Some(new) if same_index(old, new) && !touches(old) => {}
                Some(_) => {
                    self.dropped_keys.push(names(&old.parts));
                    self.drops.push(clause);
                }
                None if renamed(name, old) => {}
                None => {
                    self.dropped_keys.push(names(&old.parts));
                    self.drop(("index", name), clause, drops);
                }
            }
        }
        for (name, new) in &to.indexes {
            let is_there = from
                .indexes
                .get(name)
                .is_some_and(|old| same_index(old, new) && !touches(old));
            let is_renamed = !from.indexes.contains_key(name)
                && new
                    .renamed_from
                    .as_ref()
                    .and_then(|old| Some((old, from.indexes.get(old)?)))
                    .is_some_and(|(old_name, old)| renamed(old_name, old));
            if !is_there && !is_renamed {
                self.adds.push(format!("add {}", index(name, new, mariadb)));
            }
        }
    }

    fn columns(
        &mut self,
        (from, to): (&Table, &Table),
        renames: &BTreeMap<String, String>,
        remade: &[String],
        drops: bool,
    ) {
        let explicit = from.collation != to.collation;
        for old in &from.columns {
            let clause = format!("drop column {}", quoted(&old.name));
            if to.column(&old.name).is_none() {
                self.changed_columns.push(old.name.clone());
                self.drop(("column", &old.name), clause, drops);
            } else if remade.contains(&old.name) {
                self.changed_columns.push(old.name.clone());
                self.drops.push(clause);
            }
        }
        let kept: Vec<&str> = from
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| !remade.iter().any(|other| other == name))
            .filter(|name| to.column(name).is_some() || !drops)
            .collect();
        let wanted: Vec<&str> = to.columns.iter().map(|column| column.name.as_str()).collect();
        let moves = Moves::between(&kept, &wanted);
        for (at, new) in to.columns.iter().enumerate() {
            let definition = column(new, to, explicit);
            let place = match at.checked_sub(1).and_then(|before| wanted.get(before)) {
                Some(before) => format!(" after {}", quoted(before)),
                None => " first".to_owned(),
            };
            let Some(old) = from.column(&new.name).filter(|_| !remade.contains(&new.name)) else {
                self.columns.push(format!("add column {definition}{place}"));
                continue;
            };
            let is_same = same_column(old, new);
            if !is_same {
                self.changed_columns.push(new.name.clone());
            }
            let place = if moves.moves(&new.name) {
                place
            } else {
                String::new()
            };
            if let Some(old_name) = renames.get(&new.name) {
                self.columns
                    .push(format!("change column {} {definition}{place}", quoted(old_name)));
            } else if !is_same || !place.is_empty() {
                self.columns.push(format!("modify column {definition}{place}"));
            }
        }
    }
}
