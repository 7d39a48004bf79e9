//! What one `alter table` does.

use std::collections::BTreeMap;

use super::{
    altered,
    clauses::Clauses,
    columns, goes,
    online::{OnServer, Way},
    same::{same_index, same_partitioning},
};
use crate::{
    Lock, Reason, Reverse, Risk, Step,
    model::{Name, Table},
    render::mysql::{partitioning, table_name},
};

/// The changes of a table.
#[derive(Debug, Default)]
pub(super) struct Alter {
    clauses: Vec<String>,
    back: Vec<String>,
    /// Statements of their own after it: partitions.
    after: Vec<(String, Reverse, Option<Reason>)>,
    reasons: Vec<Reason>,
    lock: Option<Lock>,
    lost: Vec<String>,
    /// How it is carried out, if it is to say so.
    way: Option<Way>,
    /// Columns whose definition changes or that go, by their new names.
    pub(super) changed_columns: Vec<String>,
    /// The columns of keys and indexes that go or change.
    pub(super) dropped_keys: Vec<Vec<String>>,
    /// Drops that the options keep from happening: kind, name, clause.
    pub(super) withheld: Vec<(String, String, String)>,
}

impl Alter {
    /// From one to the other; `renames` are new names to old ones, and `from` has the new ones.
    pub(super) fn between(
        (from, to): (&Table, &Table),
        renames: &BTreeMap<String, String>,
        drops: bool,
        (mariadb, server): (bool, Option<OnServer>),
    ) -> Self {
        let mut alter = Self {
            way: server
                .and_then(|server| server.of(&altered::changes((from, to), renames, drops), (from, to))),
            ..Self::default()
        };
        let mut forward = Clauses::between((from, to), renames, drops, mariadb);
        let inverse = renames
            .iter()
            .map(|(new, old)| (old.clone(), new.clone()))
            .collect();
        let (old, new) = (with_names(from, renames), with_names(to, renames));
        let back = Clauses::between((&new, &old), &inverse, drops, mariadb);
        alter.withheld = std::mem::take(&mut forward.withheld);
        alter.clauses = forward.all();
        alter.back = back.all();
        (alter.changed_columns, alter.dropped_keys) = (forward.changed_columns, forward.dropped_keys);
        columns::judge((from, to), renames, &mut alter);
        alter.indexes(from, to);
        alter.partitions((from, to));
        alter
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.after.is_empty() && self.withheld.is_empty()
    }

    pub(super) fn because(&mut self, risk: Risk, text: String, lock: Lock) {
        self.reasons.push(Reason { risk, text });
        self.lock = self.lock.max(Some(lock));
    }

    /// What doesn't come back.
    pub(super) fn loses(&mut self, what: String) {
        self.lost.push(what);
    }

    fn indexes(&mut self, from: &Table, to: &Table) {
        for (name, index) in &to.indexes {
            let is_there = from.indexes.get(name).is_some_and(|old| same_index(old, index));
            if !is_there && index.unique {
                self.because(
                    Risk::Warning,
                    format!("index {name} fails if two rows are the same in it"),
                    Lock::Definition,
                );
            }
        }
        let key = |table: &Table| table.primary_key.as_ref().map(|key| key.columns.clone());
        if key(from).is_some() && key(from) != key(to) {
            self.because(
                Risk::Warning,
                "another primary key: the whole table is written anew".to_owned(),
                Lock::Everything,
            );
        }
        if from.engine != to.engine {
            self.because(
                Risk::Warning,
                "another engine: the whole table is written anew".to_owned(),
                Lock::Everything,
            );
        }
    }

    fn partitions(&mut self, (from, to): (&Table, &Table)) {
        match (&from.partition_by, &to.partition_by) {
            (None, None) => {}
            (Some(old), Some(new)) if same_partitioning(old, new) => {
                if old.partitions == new.partitions {
                    return;
                }
                let all = |of: &crate::model::PartitionBy| -> Vec<String> {
                    of.partitions.iter().map(ToString::to_string).collect()
                };
                let (old_all, new_all) = (all(old), all(new));
                if let Some(more) = new_all
                    .strip_prefix(old_all.as_slice())
                    .filter(|_| is_listed(new))
                {
                    let back = more
                        .iter()
                        .map(|partition| partition_name(partition))
                        .collect::<Vec<_>>()
                        .join(", ");
                    self.after.push((
                        format!("add partition ({})", more.join(", ")),
                        Reverse::losing(format!("drop partition {back}"), "the rows that came in since"),
                        None,
                    ));
                    return;
                }
                let gone: Vec<&String> = old_all
                    .iter()
                    .filter(|partition| !new_all.contains(partition))
                    .collect();
                let is_subset = new_all.iter().all(|partition| old_all.contains(partition));
                let kept_order = old_all
                    .iter()
                    .filter(|partition| new_all.contains(partition))
                    .eq(new_all.iter());
                if is_subset && kept_order && is_listed(new) && !new_all.is_empty() {
                    let names = gone
                        .iter()
                        .map(|partition| partition_name(partition))
                        .collect::<Vec<_>>()
                        .join(", ");
                    let text = format!("the rows of the partitions {names}");
                    self.after.push((
                        format!("drop partition {names}"),
                        Reverse::losing(partitioning(old), text.clone()),
                        Some(Reason {
                            risk: Risk::Destructive,
                            text: format!("{text} go"),
                        }),
                    ));
                    return;
                }
                self.repartition(partitioning(new), partitioning(old));
            }
            (old, new) => {
                let sql = |by: &Option<crate::model::PartitionBy>| {
                    by.as_ref()
                        .map_or_else(|| "remove partitioning".to_owned(), partitioning)
                };
                self.repartition(sql(new), sql(old));
            }
        }
    }

    fn repartition(&mut self, sql: String, back: String) {
        self.after.push((
            sql,
            Reverse::one(back),
            Some(Reason {
                risk: Risk::Warning,
                text: "the whole table is written anew; it fails if a row fits into no partition".to_owned(),
            }),
        ));
    }

    /// The statements.
    pub(super) fn steps(&self, table: &Name) -> Vec<Step> {
        let alter = |clauses: &str| format!("alter table {} {clauses}", table_name(table));
        let mut steps = Vec::new();
        if !self.clauses.is_empty() {
            let back = alter(&self.back.join(", "));
            let reverse = if self.lost.is_empty() {
                Reverse::one(back)
            } else {
                Reverse::losing(back, self.lost.join("; "))
            };
            let mut step = Step::new("table", table, alter(&self.clauses.join(", ")), reverse)
                .locking(self.lock.unwrap_or(Lock::Definition));
            for reason in &self.reasons {
                step = step.because(reason.risk, reason.text.clone());
            }
            if let Some(way) = self.way {
                goes(&mut step, way);
            }
            steps.push(step);
        }
        for (clause, reverse, reason) in &self.after {
            let reverse = match reverse {
                Reverse::Sql(back) => Reverse::Sql(back.iter().map(|back| alter(back)).collect()),
                Reverse::Lossy(back, lost) => {
                    Reverse::Lossy(back.iter().map(|back| alter(back)).collect(), lost.clone())
                }
                Reverse::None(why) => Reverse::None(why.clone()),
            };
            let mut step = Step::new("partitions", table, alter(clause), reverse).locking(Lock::Everything);
            if let Some(reason) = reason {
                step = step.because(reason.risk, reason.text.clone());
            }
            steps.push(step);
        }
        steps
    }
}

/// Partitions by range or list can be added and dropped one by one.
fn is_listed(by: &crate::model::PartitionBy) -> bool {
    by.partitions
        .iter()
        .all(|partition| partition.as_str().contains(" values "))
}

/// The quoted name in a partition's definition.
fn partition_name(definition: &str) -> String {
    let rest = definition.trim_start_matches("partition ");
    let end = rest.find(" values ").unwrap_or(rest.len());
    rest[..end].to_owned()
}

/// The table with its columns under their old names.
fn with_names(table: &Table, renames: &BTreeMap<String, String>) -> Table {
    let mut table = table.clone();
    let old_name = |name: &mut String| {
        if let Some(old) = renames.get(name) {
            old.clone_into(name);
        }
    };
    table
        .columns
        .iter_mut()
        .for_each(|column| old_name(&mut column.name));
    let keys = table.primary_key.iter_mut().flat_map(|key| &mut key.columns);
    let indexes = table.indexes.values_mut().flat_map(|index| &mut index.parts);
    for part in keys.chain(indexes) {
        if let crate::model::Indexed::Column(column) = &mut part.on {
            old_name(column);
        }
    }
    table
}
