//! A column that an update sets twice.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const ASSIGNED_TWICE: Rule = Rule {
    name: "assigned-twice",
    severity: Some(Severity::Error),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for (line, column) in words.assigned_twice() {
        report(
            line,
            format!("{column} is set twice; which value counts is chance, or an error"),
        );
    }
}
