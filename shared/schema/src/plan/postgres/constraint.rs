//! Keys, checks, exclusions and foreign keys.

use std::collections::{BTreeMap, BTreeSet};

use super::{Phase, Work, again, compare};
use crate::{
    Risk,
    model::{Check, ForeignKey, Key, Name, Table},
    normalise::postgres::Scope,
    plan::{Lock, Reverse, Step},
    render::postgres::{check, exclusion, foreign_key, key, name as quoted, qualified},
};

/// A constraint apart from foreign keys, in the form in which it is dropped and added.
pub(super) struct Rule {
    sql: String,
    rank: u8,
    reason: &'static str,
    pub(super) comment: Option<String>,
    names: BTreeSet<String>,
}

const READS: &str = "reads the whole table while writing waits, and fails if a row doesn't keep it";
const BUILDS: &str = "builds an index while writing waits, and fails if a row doesn't keep it";

/// All constraints but foreign keys, by name.
pub(super) fn rules(table: &Table) -> BTreeMap<String, Rule> {
    let mut found = BTreeMap::new();
    let mut put = |name: &str, sql: String, rank: u8, reason: &'static str, comment: &Option<String>| {
        let names = super::order::mentioned(&sql);
        found.insert(
            name.to_owned(),
            Rule {
                sql,
                rank,
                reason,
                comment: comment.clone(),
                names,
            },
        );
    };
    if let Some(own) = &table.primary_key {
        put(&own.name, key(own, true), 11, BUILDS, &own.comment);
    }
    for (name, own) in &table.uniques {
        put(name, key(own, false), 11, BUILDS, &own.comment);
    }
    for (name, own) in &table.exclusions {
        put(name, exclusion(own), 11, BUILDS, &own.comment);
    }
    for (name, own) in &table.checks {
        put(name, check(own), 11, READS, &own.comment);
    }
    found
}

impl Work<'_> {
    pub(super) fn constraints(&mut self, name: &Name, old: &Table, new: &Table) {
        let (was, now) = (rules(old), rules(new));
        let scope = self.scope(name);
        let mut kept: BTreeSet<String> = BTreeSet::new();
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        let moving = self.moving.get(name).cloned().unwrap_or_default();
        for (own, rule) in &was {
            if is_shaken(old, own, rule, &moving) {
                continue;
            }
            if now.contains_key(own) && same(old, own, new, own, &scope) {
                kept.insert(own.clone());
            } else if let Some(other) = now.keys().find(|other| {
                !was.contains_key(*other)
                    && !renamed.values().any(|taken| taken == *other)
                    && same(old, own, new, other, &scope)
            }) && !now.contains_key(own)
            {
                renamed.insert(own.clone(), other.clone());
            }
        }
        let at = qualified(name);
        for (own, rule) in &was {
            if kept.contains(own) {
                continue;
            }
            if let Some(other) = renamed.get(own) {
                let sql = |a: &str, b: &str| {
                    format!(
                        "alter table {at} rename constraint {} to {}",
                        quoted(a),
                        quoted(b)
                    )
                };
                let step = Step::new(
                    "constraint",
                    format!("{name}.{other}"),
                    sql(own, other),
                    Reverse::one(sql(other, own)),
                )
                .locking(Lock::Everything);
                self.add(Phase::RenamePart, step);
                continue;
            }
            let sql = format!("alter table {at} drop constraint {}", quoted(own));
            let back = Reverse::Sql(again::constraint(name, own, &rule.sql, rule.comment.as_ref()));
            let step = Step::new("constraint", format!("{name}.{own}"), sql, back)
                .because(Risk::Warning, "what the constraint kept out may come in")
                .locking(Lock::Everything);
            if now.contains_key(own) {
                self.add(Phase::DropConstraint, step);
            } else {
                self.remove(Phase::DropConstraint, step);
            }
        }
        for (own, rule) in &now {
            if kept.contains(own) || renamed.values().any(|other| other == own) {
                if let (Some(was), Some(now)) = (old.checks.get(own), new.checks.get(own))
                    && !was.validated
                    && now.validated
                {
                    self.validate(name, own);
                }
                continue;
            }
            let apart = new.checks.get(own).filter(|check| self.is_apart(check.validated));
            let text = match apart {
                Some(of) => check(&Check {
                    validated: false,
                    ..of.clone()
                }),
                None => rule.sql.clone(),
            };
            let sql = format!("alter table {at} add constraint {} {text}", quoted(own));
            let back = Reverse::one(format!("alter table {at} drop constraint {}", quoted(own)));
            let mut step =
                Step::new("constraint", format!("{name}.{own}"), sql, back).locking(Lock::Everything);
            if apart.is_none() {
                step = step.because(Risk::Warning, rule.reason);
            }
            self.make(rule.rank, name, step).provides.clear();
            if apart.is_some() {
                self.validate_last(name, own);
            }
        }
        self.constraint_comments(name, old, new);
        self.foreign_keys(name, old, new);
    }

    fn validate(&mut self, name: &Name, own: &str) {
        let step = Self::validation(name, own);
        self.make(13, name, step).provides.clear();
    }

    /// Whether what is valid is added as what is not yet.
    fn is_apart(&self, validated: bool) -> bool {
        self.options.validate_apart && validated
    }

    /// After everything else, in no transaction: one would keep the lock of what came before for as long as it reads.
    fn validate_last(&mut self, name: &Name, own: &str) {
        let mut step = Self::validation(name, own);
        step.transactional = false;
        self.make(30, name, step).provides.clear();
    }

    fn validation(name: &Name, own: &str) -> Step {
        let sql = format!(
            "alter table {} validate constraint {}",
            qualified(name),
            quoted(own)
        );
        let back = Reverse::Sql(Vec::new());
        Step::new("constraint", format!("{name}.{own}"), sql, back)
            .because(
                Risk::Warning,
                "reads the whole table, and fails if a row doesn't keep it",
            )
            .locking(Lock::Definition)
    }

    /// Comments on all constraints and on columns' own.
    pub(super) fn constraint_comments(&mut self, name: &Name, old: &Table, new: &Table) {
        let was = rules(old);
        let scope = self.scope(name);
        let moving = self.moving.get(name).cloned().unwrap_or_default();
        for (own, rule) in rules(new) {
            let before = was
                .get(&own)
                .filter(|was| !is_shaken(old, &own, was, &moving) && same(old, &own, new, &own, &scope))
                .and_then(|rule| rule.comment.as_ref());
            self.comment(
                "constraint",
                &format!("{} on {}", quoted(&own), qualified(name)),
                before,
                rule.comment.as_ref(),
            );
        }
        for (own, key) in &new.foreign_keys {
            let before = old
                .foreign_keys
                .get(own)
                .filter(|was| compare::foreign_keys(was, key) && !self.is_shaken(name, was));
            let before = before.and_then(|key| key.comment.as_ref());
            self.comment(
                "constraint",
                &format!("{} on {}", quoted(own), qualified(name)),
                before,
                key.comment.as_ref(),
            );
        }
    }

    fn foreign_keys(&mut self, name: &Name, old: &Table, new: &Table) {
        let mut kept: BTreeSet<&String> = BTreeSet::new();
        let mut renamed: BTreeMap<&String, &String> = BTreeMap::new();
        for (own, key) in &old.foreign_keys {
            if self.is_shaken(name, key) {
                continue;
            }
            if new
                .foreign_keys
                .get(own)
                .is_some_and(|now| compare::foreign_keys(key, now) && (now.validated || !key.validated))
            {
                kept.insert(own);
            } else if !new.foreign_keys.contains_key(own)
                && let Some((other, _)) = new.foreign_keys.iter().find(|(other, now)| {
                    !old.foreign_keys.contains_key(*other)
                        && !renamed.values().any(|taken| taken == other)
                        && compare::foreign_keys(key, now)
                })
            {
                renamed.insert(own, other);
            }
        }
        for (own, key) in &old.foreign_keys {
            if kept.contains(own) {
                continue;
            }
            if let Some(other) = renamed.get(own) {
                let at = qualified(name);
                let sql = |a: &str, b: &str| {
                    format!(
                        "alter table {at} rename constraint {} to {}",
                        quoted(a),
                        quoted(b)
                    )
                };
                let step = Step::new(
                    "foreign key",
                    format!("{name}.{other}"),
                    sql(own, other),
                    Reverse::one(sql(other, own)),
                )
                .locking(Lock::Everything);
                self.add(Phase::RenamePart, step);
            } else {
                self.drop_foreign_key(name, own, key, new.foreign_keys.contains_key(own));
            }
        }
        for (own, key) in &new.foreign_keys {
            let is_there = kept.contains(own) || renamed.values().any(|other| *other == own);
            if !is_there {
                self.add_foreign_key(name, own, key);
            } else if old.foreign_keys.get(own).is_some_and(|was| !was.validated) && key.validated {
                self.validate(name, own);
            }
        }
    }

    /// Whether a column on either side moves, or the key that it refers to is made anew.
    fn is_shaken(&self, name: &Name, key: &ForeignKey) -> bool {
        let here = key.columns.iter().any(|column| self.is_moving(name, column));
        let there = key
            .referenced
            .iter()
            .any(|column| self.is_moving(&key.references, column));
        here || there || self.loses_key(key)
    }

    /// Whether the key that is referred to is dropped.
    fn loses_key(&self, key: &ForeignKey) -> bool {
        let (Some(old), Some(new)) = (
            self.from.tables.get(&key.references),
            self.to.tables.get(&key.references),
        ) else {
            return self.options.drops && self.from.tables.contains_key(&key.references);
        };
        let covers = |of: &Key| {
            let columns: BTreeSet<&str> = of.columns.iter().filter_map(|part| part.column_name()).collect();
            columns.len() == key.referenced.len()
                && key
                    .referenced
                    .iter()
                    .all(|column| columns.contains(column.as_str()))
        };
        let keys = |of: &Table| -> Vec<Key> {
            of.primary_key
                .iter()
                .chain(of.uniques.values())
                .filter(|key| covers(key))
                .cloned()
                .collect()
        };
        let indexes = |of: &Table| -> Vec<crate::model::Index> {
            let is_over = |index: &&crate::model::Index| {
                index.unique
                    && index.parts.len() == key.referenced.len()
                    && index.parts.iter().all(|part| {
                        part.column_name()
                            .is_some_and(|own| key.referenced.iter().any(|column| column == own))
                    })
            };
            of.indexes.values().filter(is_over).cloned().collect()
        };
        let (now, now_indexes) = (keys(new), indexes(new));
        let scope = self.scope(&key.references);
        keys(old).iter().any(|was| {
            !now.iter()
                .any(|now| was.name == now.name && compare::keys(was, now, &scope))
        }) || (keys(old).is_empty()
            && indexes(old)
                .iter()
                .any(|was| !now_indexes.iter().any(|now| compare::indexes(was, now, &scope))))
    }

    pub(super) fn add_foreign_key(&mut self, name: &Name, own: &str, of: &ForeignKey) {
        let at = qualified(name);
        let old = self.from.tables.get(name);
        // A partitioned table takes none that is not valid.
        let apart = old.is_some_and(|old| old.partition_by.is_none()) && self.is_apart(of.validated);
        let added = ForeignKey {
            validated: of.validated && !apart,
            ..of.clone()
        };
        let sql = format!(
            "alter table {at} add constraint {} {}",
            quoted(own),
            foreign_key(&added)
        );
        let back = Reverse::one(format!("alter table {at} drop constraint {}", quoted(own)));
        let mut step = Step::new("foreign key", format!("{name}.{own}"), sql, back);
        if apart {
            step = step.locking(Lock::Writes);
        } else if old.is_some() {
            step = step
                .because(
                    Risk::Warning,
                    "reads the whole table, and fails if a row refers to nothing",
                )
                .locking(Lock::Writes);
        }
        self.make(14, name, step).provides.clear();
        if apart {
            self.validate_last(name, own);
        }
    }

    pub(super) fn drop_foreign_key(&mut self, name: &Name, own: &str, of: &ForeignKey, again: bool) {
        let at = qualified(name);
        let sql = format!("alter table {at} drop constraint {}", quoted(own));
        let back = Reverse::Sql(again::foreign(name, own, of));
        let step = Step::new("foreign key", format!("{name}.{own}"), sql, back)
            .because(Risk::Warning, "what the constraint kept out may come in")
            .locking(Lock::Everything);
        if again {
            self.add(Phase::DropForeignKey, step);
        } else {
            self.remove(Phase::DropForeignKey, step);
        }
    }
}

/// Whether it is made anew because it names a moving column: a check or an exclusion; keys follow their columns.
fn is_shaken(table: &Table, own: &str, rule: &Rule, moving: &BTreeSet<String>) -> bool {
    !table.uniques.contains_key(own)
        && table.primary_key.as_ref().is_none_or(|key| key.name != own)
        && !rule.names.is_disjoint(moving)
}

/// Whether the constraint of that name in the one is that of the other name in the other.
fn same(old: &Table, own: &str, new: &Table, other: &str, scope: &Scope<'_>) -> bool {
    let primary = |of: &Table, name: &str| of.primary_key.clone().filter(|key| key.name == name);
    if let (Some(was), Some(now)) = (primary(old, own), primary(new, other)) {
        return compare::keys(&was, &now, scope);
    }
    if let (Some(was), Some(now)) = (old.uniques.get(own), new.uniques.get(other)) {
        return compare::keys(was, now, scope);
    }
    if let (Some(was), Some(now)) = (old.exclusions.get(own), new.exclusions.get(other)) {
        return compare::exclusions(was, now, scope);
    }
    if let (Some(was), Some(now)) = (old.checks.get(own), new.checks.get(other)) {
        return compare::checks(was, now, scope)
            && (now.validated || !was.validated)
            && was.enforced == now.enforced;
    }
    false
}
