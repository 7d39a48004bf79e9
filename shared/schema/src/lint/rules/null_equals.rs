//! Something that is never equal.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const NULL_EQUALS: Rule = Rule {
    name: "null-equals",
    severity: Some(Severity::Error),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for (line, operator) in words.compared_to_null() {
        report(
            line,
            format!("{operator} NULL is never true; write IS NULL or IS NOT NULL"),
        );
    }
}
