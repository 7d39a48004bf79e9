//! A whole database.

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const DROP_DATABASE: Rule = Rule {
    name: "drop-database",
    severity: Some(Severity::Error),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.begin(&["drop", "database"])
        || words.dialect == Dialect::MySql && words.begin(&["drop", "schema"])
    {
        report(words.line(), "everything in the database is lost".to_owned());
    }
}
