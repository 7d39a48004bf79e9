//! Routines, triggers and events: code that no program's tests see.

use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const CODE_IN_DATABASE: Rule = Rule {
    name: "code-in-database",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.begin(&["create"]) {
        for kind in ["function", "procedure", "trigger", "event"] {
            if words.makes(kind) {
                report(
                    words.line(),
                    format!("a {kind} is code that is released apart from the programs"),
                );
            }
        }
    }
}
