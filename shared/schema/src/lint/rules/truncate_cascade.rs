//! A truncate that empties tables nobody named.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const TRUNCATE_CASCADE: Rule = Rule {
    name: "truncate-cascade",
    severity: Some(Severity::Error),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.begin(&["truncate"]) {
        for line in words.all(&["cascade"]) {
            report(
                line,
                "CASCADE empties every table that refers to this one".to_owned(),
            );
        }
    }
}
