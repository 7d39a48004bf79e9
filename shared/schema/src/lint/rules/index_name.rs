//! Indexes and keys that are not called by what they are.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const INDEX_NAME: Rule = Rule {
    name: "index-name",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let mut expect = |name: &str, beginnings: &[&str], what: &str| {
        if !beginnings.iter().any(|beginning| name.starts_with(beginning)) {
            report(
                Place::Named(name),
                format!("the {what} {name} should begin with {}", beginnings.join(" or ")),
            );
        }
    };
    for (name, index) in &table.of.indexes {
        if index.unique {
            expect(name, &["uk_", "uq_"], "unique index");
        } else {
            expect(name, &["idx_", "ix_"], "index");
        }
    }
    for name in table.of.uniques.keys() {
        expect(name, &["uk_", "uq_"], "unique constraint");
    }
    for name in table.of.foreign_keys.keys() {
        expect(name, &["fk_"], "foreign key");
    }
}
