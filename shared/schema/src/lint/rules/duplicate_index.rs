//! An index that another one does the work of.

use crate::lint::{Check, Place, Rule, Severity, Table};
use crate::model::IndexPart;

pub(in crate::lint) const DUPLICATE_INDEX: Rule = Rule {
    name: "duplicate-index",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let mut lists: Vec<(&str, Vec<&IndexPart>)> = Vec::new();
    if let Some(key) = &table.of.primary_key {
        lists.push(("the primary key", key.columns.iter().collect()));
    }
    for (name, key) in &table.of.uniques {
        lists.push((name, key.columns.iter().collect()));
    }
    let plain = || table.indexes().filter(|(_, index)| index.condition.is_none());
    for (name, index) in plain() {
        lists.push((name, index.parts.iter().collect()));
    }
    for (name, index) in plain().filter(|(_, index)| !index.unique) {
        let own: Vec<&IndexPart> = index.parts.iter().collect();
        let covers = |(other, list): &&(&str, Vec<&IndexPart>)| {
            let is_later =
                list.len() > own.len() || *other < name.as_str() || table.of.uniques.contains_key(*other);
            *other != name && list.starts_with(&own) && is_later
        };
        if let Some((other, _)) = lists.iter().find(covers)
            && matches!(index.method.as_str(), "btree" | "")
        {
            report(
                Place::Named(name),
                format!("the index {name} is the beginning of {other}, which does the same work"),
            );
        }
    }
}
